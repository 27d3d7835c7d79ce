"""The Organization page and the team switcher, as people use them without scripts and with."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.invitation import Invitation
from pulse.models.session import BrowserSession
from pulse.models.team import Membership, Team
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import PASSWORD, join, make_key, make_person
from tests.helpers import HTMX, soup, text
from tests.monitors import make_monitor
from tests.teams import ROLES, invite, look_at, roles_of, staff_team
from tests.web.forms import fault, form_of, labelled, press, values, words

PAGE = "/organization"
HOSTILE = "<script>alert(1)</script> \" onfocus=x ' {{7*7}} &amp;"


@pytest.fixture
def cast(app, alice):
    """One person of each role in Alice's team."""
    return staff_team(app, alice)


def sign_in(visitor, person, team):
    visitor.sign_in(person)
    look_at(team)
    return visitor.get(PAGE)


def member_id(person, team_id):
    return person.membership(team_id).id


def buttons(page):
    return [words(each) for each in soup(page).find(id="panel").find_all(["button", "a"])]


def rows(page, caption):
    table = next(each for each in soup(page).find_all("table") if words(each.caption).startswith(caption))
    return [[words(cell) for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


# --- what is shown ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/monitors", "Monitors"),
        ("/incidents", "Incidents"),
        ("/organization", "Organization"),
        ("/settings", "Settings"),
        ("/settings/api-keys", "Settings"),
        ("/settings/api-keys/{key}", "Settings"),
        ("/settings/billing", "Settings"),
    ],
)
def test_the_sidebar_marks_where_one_is(visitor, alice, path, section):
    key = make_key(alice).key.id
    visitor.sign_in(alice)

    page = soup(visitor.get(path.format(key=key), follow_redirects=True))

    assert [" ".join(each.get_text().split()) for each in page.select("nav.sidebar .nav [aria-current]")] == [section]


def test_the_sidebar_leads_to_it(tab):
    link = soup(tab.get("/monitors")).find("nav", {"aria-label": "Main"}).find("a", {"href": PAGE})

    assert words(link) == "Organization"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_the_members_and_what_it_may_do(visitor, cast, alice, role):
    invite(alice, "new@example.com")

    page = sign_in(visitor, cast[role], alice.team)

    shown = buttons(page)
    assert [row[0].split()[0] for row in rows(page, "Members")] == ["Alice", "Admin", "Member", "Viewer"]
    assert [row[0] for row in rows(page, "Invitations")] == ["new@example.com"]
    for label in ("Send Invitation", "Resend", "Revoke", "Save Changes"):
        assert (label in shown) is role.manages_people
    assert any(each.startswith("Change Role") for each in shown) is role.manages_people
    for label in ("Transfer Ownership", "Delete Team"):
        assert (label in shown) is role.owns
    assert ("Leave Team" in shown) is not role.owns


def test_nobody_is_offered_to_change_the_owner_or_themselves(visitor, cast, alice):
    page = sign_in(visitor, cast[Role.ADMIN], alice.team)

    changed = [each for each in buttons(page) if each.startswith(("Change Role", "Remove"))]

    assert changed == ["Change Role of Member", "Remove Member", "Change Role of Viewer", "Remove Viewer"]


def test_on_free_the_page_says_which_plans_have_room(visitor, alice):
    alice.set_plan(Plan.FREE)

    page = sign_in(visitor, alice, alice.team)

    assert "The Free plan is for one person." in text(page)
    assert "Send Invitation" not in buttons(page)
    assert "Go to Billing" in buttons(page)


def test_who_is_over_the_plans_number_is_told_and_only_reads(visitor, cast, alice):
    alice.set_plan(Plan.STARTER)
    late = cast[Role.VIEWER].membership(alice.team_id)
    late.role_name = "admin"
    db.session.commit()

    page = sign_in(visitor, cast[Role.VIEWER], alice.team)
    monitor = visitor.submit("/monitors/new", {"name": "X", "url": "https://example.com"}, page="/settings/profile")
    removal = visitor.submit(f"{PAGE}/members/{member_id(cast[Role.MEMBER], alice.team_id)}/remove", page="/settings/profile")

    assert "so for now you can only read" in text(page)
    assert "Over the plan's limit: can only read" in rows(page, "Members")[3][1]
    assert "Send Invitation" not in buttons(page)
    assert (monitor.status_code, removal.status_code) == (403, 403)
    assert "more members than the Starter plan includes" in text(monitor)


# --- members ---------------------------------------------------------------------------------------------------


def test_the_owner_changes_a_role(visitor, api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    page = sign_in(visitor, alice, alice.team)
    form = form_of(soup(page), "Change Role of Bob")

    reply = visitor.post(form["action"], values(form) | {labelled(form, "Role of Bob"): "viewer"})

    assert (reply.status_code, reply.headers["Location"]) == (303, PAGE)
    assert "Bob now has the role Viewer." in text(visitor.get(PAGE))
    assert api.get("/key", token).get_json()["owner"]["role"] == "viewer"


@pytest.mark.parametrize("role", ["owner", "", "root", "\0"])
def test_a_role_that_is_not_offered_is_refused(visitor, alice, bob, role):
    sign_in(visitor, alice, alice.team)

    reply = visitor.submit(f"{PAGE}/members/{member_id(bob, alice.team_id)}/role", {"role": role}, page=PAGE)

    assert reply.status_code == 400
    assert roles_of(alice.team_id)[bob.email] == "member"


def test_a_member_is_removed_after_a_question_and_their_key_stops(visitor, api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    assert api.get("/key", token).status_code == 200
    sign_in(visitor, alice, alice.team)

    asked = visitor.get(f"{PAGE}/members/{member_id(bob, alice.team_id)}/remove")
    reply = press(visitor, "Remove")

    assert "programs that use them stop working" in text(asked)
    assert reply.status_code == 303
    assert api.get("/key", token).get_json()["code"] == "membership_ended"
    assert "Bob was removed." in text(visitor.get(PAGE))


def test_under_htmx_the_panel_comes_back_as_it_is_committed(visitor, alice, bob):
    sign_in(visitor, alice, alice.team)
    path = f"{PAGE}/members/{member_id(bob, alice.team_id)}"

    changed = visitor.submit_fragment(f"{path}/role", {"role": "admin"}, page=PAGE)
    asked = visitor.fragment(f"{path}/remove")
    removed = visitor.submit_fragment(f"{path}/remove", page=PAGE)

    assert changed.status_code == removed.status_code == 200
    assert "Bob now has the role Admin." in text(changed)
    assert soup(asked).find("dialog")
    assert not soup(asked).find("html")
    assert not soup(removed).find("html")
    assert [row[0].split()[0] for row in rows(removed, "Members")] == ["Alice"]


@pytest.mark.parametrize(
    ("act", "title"),
    [
        ("members/{bob}/remove", "Remove “Bob”"),
        ("transfer", "Transfer “Alice’s team”"),
        ("delete", "Delete “Alice’s team”"),
    ],
)
def test_a_dialog_names_whom_or_what_it_is_about(visitor, alice, bob, act, title):
    sign_in(visitor, alice, alice.team)

    dialog = soup(visitor.get(f"{PAGE}/{act.format(bob=member_id(bob, alice.team_id))}")).find("dialog")

    assert words(dialog.h2) == title


def test_the_dialog_to_leave_names_the_team(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)

    assert words(soup(visitor.get(f"{PAGE}/leave")).find("dialog").h2) == "Leave “Alice’s team”"


def test_whoever_leaves_goes_to_a_team_that_is_left(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)
    visitor.get(f"{PAGE}/leave")

    reply = press(visitor, "Leave Team")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    page = text(visitor.get("/monitors"))
    assert "You left Alice’s team." in page
    assert "Bob’s team" in page
    assert bob.email not in roles_of(alice.team_id)


def test_the_owner_cannot_leave(visitor, alice, bob):
    sign_in(visitor, alice, alice.team)

    reply = visitor.submit(f"{PAGE}/leave", {"team_id": alice.team_id}, page=PAGE)

    assert reply.status_code == 409
    assert roles_of(alice.team_id)[alice.email] == "owner"


# --- the team --------------------------------------------------------------------------------------------------


def test_the_team_is_renamed(visitor, alice):
    sign_in(visitor, alice, alice.team)

    press(visitor, "Save Changes", {"Team Name": "  Night watch "})

    assert alice.team.name == "Night watch"
    assert "Night watch" in words(soup(visitor.get("/monitors")).find("nav", {"aria-label": "Main"}))


def test_a_bad_name_comes_back_with_its_fault(visitor, alice):
    sign_in(visitor, alice, alice.team)

    reply = press(visitor, "Save Changes", {"Team Name": "x" * 101})

    assert reply.status_code == 422
    assert "at most 100" in fault(reply, "Team Name")
    assert soup(reply).find(id="team-name")["value"] == "x" * 101


def test_the_team_is_handed_over_to_whom_is_chosen_with_the_password(visitor, alice, bob):
    sign_in(visitor, alice, alice.team)
    heir = str(member_id(bob, alice.team_id))

    for fields, label, said in (
        ({"Password": PASSWORD}, "New Owner", "Choose the new Owner."),
        ({"New Owner": heir, "Password": "not the one"}, "Password", "This is not your password."),
    ):
        visitor.get(f"{PAGE}/transfer")
        refused = press(visitor, "Transfer Ownership", fields)
        assert refused.status_code == 422
        assert said in fault(refused, label)
        assert roles_of(alice.team_id)[alice.email] == "owner"
    visitor.get(f"{PAGE}/transfer")
    reply = press(visitor, "Transfer Ownership", {"New Owner": heir, "Password": PASSWORD})

    assert reply.status_code == 303
    assert roles_of(alice.team_id) == {alice.email: "admin", bob.email: "owner"}
    assert "Alice’s team now belongs to Bob." in text(visitor.get(PAGE))


def test_the_team_is_deleted_with_the_password(visitor, api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    team_id = alice.team_id
    sign_in(visitor, alice, alice.team)
    visitor.get(f"{PAGE}/delete")

    assert press(visitor, "Delete Team", {"Password": "not the one"}).status_code == 422
    assert db.session.get(Team, team_id) is not None
    visitor.get(f"{PAGE}/delete")
    reply = press(visitor, "Delete Team", {"Password": PASSWORD})

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    db.session.rollback()
    assert db.session.get(Team, team_id) is None
    assert api.get("/key", token).get_json()["code"] == "token_unknown"


def test_whoever_has_no_team_left_gets_one_of_their_own(visitor, alice):
    sign_in(visitor, alice, alice.team)
    visitor.get(f"{PAGE}/delete")
    press(visitor, "Delete Team", {"Password": PASSWORD})

    page = visitor.get("/monitors")

    assert page.status_code == 200
    assert "Alice’s team was deleted." in text(page)
    (mine,) = db.session.scalars(select(Membership).where(Membership.user_id == alice.user_id)).all()
    assert (mine.role, mine.team.plan) == (Role.OWNER, Plan.FREE)
    assert visitor.get(PAGE).status_code == 200
    assert db.session.query(Membership).count() == 1


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
@pytest.mark.parametrize("act", ["transfer", "delete"])
def test_only_the_owner_hands_over_and_deletes(visitor, cast, alice, role, act):
    sign_in(visitor, cast[role], alice.team)
    fields = {"team_id": alice.team_id, "password": PASSWORD, "member_id": member_id(cast[Role.MEMBER], alice.team_id)}

    reply = visitor.submit(f"{PAGE}/{act}", fields, page=PAGE)

    assert reply.status_code == 403
    assert "Only the team's Owner can do this." in text(reply)
    assert roles_of(alice.team_id)[alice.email] == "owner"


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_who_does_not_manage_people_is_refused_every_act(visitor, cast, alice, role):
    invite(alice, "old@example.com")
    team_id = alice.team_id
    sign_in(visitor, cast[role], alice.team)
    other = member_id(cast[Role.ADMIN], team_id)
    waiting = db.session.query(Invitation).one().id
    before = roles_of(team_id)

    for path, fields in (
        ("/name", {"name": "Mine"}),
        ("/invitations", {"email": "new@example.com", "role": "admin"}),
        (f"/members/{other}/role", {"role": "viewer"}),
        (f"/members/{other}/remove", {}),
        (f"/invitations/{waiting}/resend", {}),
        (f"/invitations/{waiting}/revoke", {}),
    ):
        reply = visitor.submit(f"{PAGE}{path}", {"team_id": team_id, **fields}, page="/settings/profile")
        assert reply.status_code == 403, path
        assert "cannot manage people" in text(reply), path
    assert roles_of(team_id) == before
    assert [each.email for each in db.session.query(Invitation)] == ["old@example.com"]
    assert alice.team.name == "Alice’s team"


def test_a_form_shown_for_another_team_changes_neither(visitor, alice, bob):
    sign_in(visitor, bob, bob.team)
    stale = {"team_id": alice.team_id, "name": "Mine", "email": "x@example.com", "role": "admin", "password": PASSWORD}

    replies = [visitor.submit(f"{PAGE}/{act}", stale, page=PAGE) for act in ("name", "invitations", "delete", "leave")]

    assert [each.status_code for each in replies] == [409] * 4
    assert all("another team" in text(each) for each in replies)
    assert (bob.team.name, len(roles_of(bob.team_id)), len(roles_of(alice.team_id))) == ("Bob’s team", 1, 2)


# --- invitations -----------------------------------------------------------------------------------------------


def test_an_invitation_is_mailed_and_waits_in_the_list(visitor, post, alice):
    sign_in(visitor, alice, alice.team)

    reply = press(visitor, "Send Invitation", {"Email": "new@example.com", "Role": "admin"})

    assert reply.status_code == 303
    page = visitor.get(PAGE)
    assert "An invitation is on its way to new@example.com." in text(page)
    assert [row[:3] for row in rows(page, "Invitations")] == [["new@example.com", "Admin", "Alice"]]
    (mail,) = post.to("new@example.com")
    assert 'invited you to join the team "Alice’s team"' in mail.body
    assert post.link("new@example.com").startswith("/invitations/")
    assert post.link("new@example.com").rpartition("/")[2] not in page.get_data(as_text=True)


@pytest.mark.parametrize(("email", "said"), [("bob@example.com", "member of this team"), ("nobody", "Enter an email address")])
def test_a_refused_invitation_keeps_what_was_typed(visitor, alice, bob, email, said):
    sign_in(visitor, alice, alice.team)

    reply = press(visitor, "Send Invitation", {"Email": email, "Role": "viewer"})

    assert reply.status_code == 422
    assert said in fault(reply, "Email")
    assert soup(reply).find(id="invite-email")["value"] == email
    assert soup(reply).find(id="invite-role").find("option", selected=True)["value"] == "viewer"


def test_where_no_place_is_left_the_page_says_so(visitor, alice, bob):
    alice.set_plan(Plan.STARTER)
    sign_in(visitor, alice, alice.team)
    press(visitor, "Send Invitation", {"Email": "new@example.com", "Role": "member"})

    page = visitor.get(PAGE)
    forced = visitor.submit(
        f"{PAGE}/invitations", {"team_id": alice.team_id, "email": "newer@example.com", "role": "member"}, page=PAGE
    )

    assert "All 3 seats of the Starter plan are taken: 2 by members and 1 by invitations." in text(page)
    assert "Send Invitation" not in buttons(page)
    assert forced.status_code == 422
    assert "The Starter plan includes 3 members" in text(forced)


def test_resend_ends_the_link_before(visitor, other_browser, post, alice):
    sign_in(visitor, alice, alice.team)
    press(visitor, "Send Invitation", {"Email": "new@example.com"})
    old = post.link("new@example.com")
    visitor.get(PAGE)

    press(visitor, "Resend")

    assert post.link("new@example.com") != old
    assert other_browser.get(old).status_code == 410
    assert other_browser.get(post.link("new@example.com")).status_code == 200


def test_revoke_ends_the_link(visitor, other_browser, post, alice):
    sign_in(visitor, alice, alice.team)
    press(visitor, "Send Invitation", {"Email": "new@example.com"})
    visitor.get(PAGE)

    press(visitor, "Revoke")

    assert other_browser.get(post.link("new@example.com")).status_code == 410
    assert "The invitation for new@example.com was revoked." in text(visitor.get(PAGE))


def test_one_that_has_run_out_is_marked_in_words(visitor, alice):
    invite(alice, "new@example.com")
    db.session.query(Invitation).one().expires_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    page = sign_in(visitor, alice, alice.team)

    assert "Expired" in rows(page, "Invitations")[0][3]


# --- strangers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_charlie_finds_nothing_of_alices(app, visitor, alice, bob, charlie, headers):
    invite(alice, "new@example.com")
    ids = {"member_id": member_id(bob, alice.team_id), "invitation_id": db.session.query(Invitation).one().id}
    before = roles_of(alice.team_id)
    visitor.sign_in(charlie)
    proof = {"csrf_token": visitor.csrf_token("/settings/profile"), "role": "admin"}
    rules = [each for each in app.url_map.iter_rules() if each.endpoint.startswith("organization.") and "<id:" in each.rule]

    assert len(rules) >= 5
    for rule in rules:
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            name = next(each for each in ids if each in rule.rule)
            paths = [rule.rule.replace(f"<id:{name}>", str(number)) for number in (ids[name], 987654321)]
            theirs, unknown = (visitor.open(method, path, headers=headers, data=proof) for path in paths)
            assert theirs.status_code == unknown.status_code == 404, (method, rule)
            bodies = [each.get_data(as_text=True).replace(each.headers["X-Request-Id"], "") for each in (theirs, unknown)]
            assert bodies[0] == bodies[1]
    assert "Bob" not in visitor.get(PAGE).get_data(as_text=True)
    assert roles_of(alice.team_id) == before


def test_hostile_names_stay_words(visitor, app, alice):
    alice.team.name = HOSTILE
    join(make_person(app, HOSTILE, "hostile@example.com"), alice.team)
    db.session.commit()

    page = sign_in(visitor, alice, alice.team)

    assert soup(page).find("script", string="alert(1)") is None
    assert soup(page).find(attrs={"onfocus": True}) is None
    assert HOSTILE in text(page)


# --- the team that is looked at --------------------------------------------------------------------------------


def switcher(page):
    return [words(each) for each in soup(page).find_all("button", {"name": "team_id"})]


def test_who_has_one_team_has_nothing_to_switch(tab):
    assert switcher(tab.get("/monitors")) == []


def test_switching_changes_what_every_page_is_about(visitor, alice, bob):
    make_monitor(alice, name="Canary")
    visitor.sign_in(bob)
    assert "Canary" not in text(visitor.get("/monitors"))
    assert switcher(visitor.last) == ["Bob’s team", "Alice’s team"]

    reply = visitor.submit(f"{PAGE}/switch", {"team_id": alice.team_id}, page="/monitors")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    assert "Canary" in text(visitor.get("/monitors"))
    assert "Alice’s team is on the" in text(visitor.get("/settings/billing"))
    assert "Members of Alice’s team" in text(visitor.get(PAGE))
    made = visitor.submit("/settings/api-keys/new", {"name": "CI", "abilities": "monitors:read", "expires": ""})
    assert made.status_code == 200
    shown = text(visitor.get("/settings/api-keys"))
    assert "CI Alice’s team" in shown


def test_the_choice_is_kept_on_the_server_for_this_session_alone(visitor, other_browser, alice, bob):
    for browser in (visitor, other_browser):
        browser.sign_in(bob)
    visitor.submit(f"{PAGE}/switch", {"team_id": alice.team_id}, page="/monitors")

    assert "Members of Bob’s team" in text(other_browser.get(PAGE))
    assert sorted(each.team_id or 0 for each in db.session.query(BrowserSession)) == [0, alice.team_id]


def test_the_choice_outlives_a_change_of_password(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)
    visitor.get("/settings/profile")

    press(
        visitor,
        "Update Password",
        {"Current Password": PASSWORD, "New Password": "a new long password", "Confirm Password": "a new long password"},
    )

    assert "Members of Alice’s team" in text(visitor.get(PAGE))


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_nobody_switches_to_a_team_they_do_not_belong_to(visitor, alice, charlie, headers):
    visitor.sign_in(charlie)

    for wanted in (alice.team_id, 987654321, "", "x", "\0"):
        reply = visitor.submit(f"{PAGE}/switch", {"team_id": wanted}, page=PAGE, headers=headers)
        assert reply.status_code == 404
    assert "Members of Charlie’s team" in text(visitor.get(PAGE))


def test_who_is_removed_looks_at_another_team_from_the_next_page_on(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    assert "Members of Bob’s team" in text(visitor.get(PAGE))


def test_switching_needs_the_forms_proof(visitor, alice, bob):
    visitor.sign_in(bob)

    assert visitor.post(f"{PAGE}/switch", {"team_id": alice.team_id}).status_code == 400


def test_each_act_is_in_the_trail_with_where_it_came_from(visitor, alice, bob):
    sign_in(visitor, alice, alice.team)
    visitor.submit(f"{PAGE}/members/{member_id(bob, alice.team_id)}/role", {"role": "viewer"}, page=PAGE)

    db.session.rollback()
    event = Event.of_user(db.session, bob.user_id)[0]

    assert (event.action, event.actor_user_id, event.address) == ("member.changed", alice.user_id, "127.0.0.1")
    assert event.detail == {"from": "member", "to": "viewer"}


# --- API keys of several teams ---------------------------------------------------------------------------------


def test_a_key_is_for_the_team_that_is_looked_at_and_the_dialog_says_so(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)

    page = visitor.get("/settings/api-keys/new")

    assert "It will have access to Alice’s team and to none of your other teams." in text(page)
    assert soup(page).find("input", {"name": "team_id"})["value"] == str(alice.team_id)


def test_a_create_dialog_shown_for_another_team_makes_no_key(visitor, alice, bob):
    sign_in(visitor, bob, alice.team)
    fields = {"team_id": bob.team_id, "name": "CI", "abilities": "monitors:read", "expires": ""}

    reply = visitor.submit("/settings/api-keys/new", fields)

    assert reply.status_code == 422
    assert "You have switched to another team." in text(reply)
    assert db.session.query(ApiKey).count() == 0


def test_a_key_of_a_team_that_was_left_is_marked_and_can_only_be_deleted(visitor, alice, bob):
    issued = make_key(bob, team_id=alice.team_id)
    key_id, token_id = issued.key.id, issued.key.token.id
    visitor.sign_in(bob)
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    shown = visitor.get("/settings/api-keys")
    page = visitor.get(f"/settings/api-keys/{key_id}")
    rotated = visitor.submit(f"/settings/api-keys/{key_id}/rotate", {"token_id": token_id}, page="/settings/profile")
    deleted = visitor.submit(f"/settings/api-keys/{key_id}/delete", {"name": "CI/CD Pipeline"}, page="/settings/profile")

    for each in (shown, page):
        assert "You are no longer in this team: every request is refused" in text(each)
        assert not soup(each).find("a", {"href": f"/settings/api-keys/{key_id}/rotate"})
    assert "Alice’s team" in text(shown)
    assert rotated.status_code == 409
    assert deleted.status_code == 303
