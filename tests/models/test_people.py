"""Who may do what to whom in a team, each act from a table."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from pulse.extensions import db
from pulse.models import people
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.incident import Incident
from pulse.models.invitation import Invitation
from pulse.models.monitor import Monitor
from pulse.models.outbox import Message
from pulse.models.refusals import Conflict, Invalid, Refused, RoleRequired
from pulse.models.team import Membership, Team
from pulse.plans import Plan
from tests.factories import join, make_key, make_person
from tests.monitors import BAD, check, make_monitor
from tests.teams import ROLES, invite, roles_of, staff_team

OWNER, ADMIN, MEMBER, VIEWER = ROLES
MANAGERS = (OWNER, ADMIN)


@pytest.fixture
def cast(app, alice):
    """One person of each role in Alice's team, and one more of each but the Owner to do things to."""
    who = staff_team(app, alice)
    others = {
        role: join(make_person(app, f"Other {role.label}", f"other-{role.value}@example.com"), alice.team, role)
        for role in ROLES[1:]
    }
    alice.set_plan(Plan.TEAM)
    return who, others | {OWNER: alice}


def place(person, alice):
    return person.membership(alice.team_id)


def attempt(act):
    """Do something; return what it was refused with."""
    try:
        act()
    except Refused as refused:
        db.session.rollback()
        return type(refused)
    db.session.commit()
    return None


def expected(actor, target):
    if actor not in MANAGERS:
        return RoleRequired
    return Conflict if target is OWNER else None


@pytest.mark.parametrize("target", ROLES)
@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_change_the_role_of_all_but_the_owner(cast, alice, actor, target):
    who, others = cast
    new = VIEWER if target is not VIEWER else MEMBER

    refused = attempt(lambda: people.change_role(db.session, place(others[target], alice), new, who[actor].actor))

    assert refused is expected(actor, target)
    assert roles_of(alice.team_id)[others[target].email] == (new.value if refused is None else target.value)


@pytest.mark.parametrize("target", ROLES)
@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_remove_all_but_the_owner(cast, alice, actor, target):
    who, others = cast

    refused = attempt(lambda: people.remove(db.session, place(others[target], alice), who[actor].actor))

    assert refused is expected(actor, target)
    assert (others[target].email in roles_of(alice.team_id)) is (refused is not None)


@pytest.mark.parametrize("actor", ROLES)
def test_nobody_makes_an_owner_by_changing_a_role(cast, alice, actor):
    who, others = cast

    refused = attempt(lambda: people.change_role(db.session, place(others[MEMBER], alice), OWNER, who[actor].actor))

    assert refused is Invalid
    assert list(roles_of(alice.team_id).values()).count("owner") == 1


@pytest.mark.parametrize("granted", ROLES)
@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_invite_into_every_role_but_owner(cast, alice, actor, granted):
    who, _ = cast

    refused = attempt(lambda: Invitation.issue(db.session, alice.team, "new@example.com", granted, who[actor].actor))

    assert refused is (Invalid if granted is OWNER else expected(actor, granted))
    assert len(Invitation.of_team(db.session, alice.team_id)) == (refused is None)


@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_revoke_and_resend_invitations(cast, alice, actor):
    who, _ = cast
    invite(alice, "new@example.com")
    (waiting,) = Invitation.of_team(db.session, alice.team_id)

    again = attempt(lambda: waiting.resend(db.session, who[actor].actor))
    refused = attempt(lambda: waiting.revoke(db.session, who[actor].actor))

    assert again is refused is expected(actor, MEMBER)
    assert len(Invitation.of_team(db.session, alice.team_id)) == (refused is not None)


@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_rename_the_team(cast, alice, actor):
    who, _ = cast

    refused = attempt(lambda: people.rename(db.session, alice.team, " Night watch ", who[actor].actor))

    assert refused is expected(actor, MEMBER)
    assert alice.team.name == ("Night watch" if refused is None else "Alice’s team")


@pytest.mark.parametrize("actor", ROLES)
def test_everybody_leaves_but_the_owner(cast, alice, actor):
    who, _ = cast

    refused = attempt(lambda: people.leave(db.session, place(who[actor], alice), who[actor].actor))

    assert refused is (Conflict if actor is OWNER else None)
    assert (who[actor].email in roles_of(alice.team_id)) is (actor is OWNER)


@pytest.mark.parametrize("actor", ROLES)
def test_only_the_owner_hands_the_team_over(cast, alice, actor):
    who, others = cast

    refused = attempt(lambda: people.hand_over(db.session, place(others[VIEWER], alice), who[actor].actor))

    roles = roles_of(alice.team_id)
    assert refused is (None if actor is OWNER else RoleRequired)
    assert roles[others[VIEWER].email] == ("owner" if actor is OWNER else "viewer")
    assert roles[alice.email] == ("admin" if actor is OWNER else "owner")
    assert list(roles.values()).count("owner") == 1


@pytest.mark.parametrize("actor", ROLES)
def test_only_the_owner_deletes_the_team(cast, alice, actor):
    who, _ = cast

    refused = attempt(lambda: people.delete_team(db.session, alice.team, who[actor].actor))

    assert refused is (None if actor is OWNER else RoleRequired)
    assert (db.session.get(Team, alice.team_id) is None) is (actor is OWNER)


@pytest.mark.parametrize(
    "act",
    [
        lambda alice, charlie, bob: people.change_role(db.session, place(bob, alice), VIEWER, charlie.actor),
        lambda alice, charlie, bob: people.remove(db.session, place(bob, alice), charlie.actor),
        lambda alice, charlie, bob: people.hand_over(db.session, place(bob, alice), charlie.actor),
        lambda alice, charlie, _: people.rename(db.session, alice.team, "Mine", charlie.actor),
        lambda alice, charlie, _: people.delete_team(db.session, alice.team, charlie.actor),
        lambda alice, charlie, _: Invitation.issue(db.session, alice.team, "x@example.com", ADMIN, charlie.actor),
    ],
    ids=["change_role", "remove", "hand_over", "rename", "delete", "invite"],
)
def test_a_stranger_does_nothing_in_a_team(alice, bob, charlie, act):
    before = roles_of(alice.team_id)

    assert attempt(lambda: act(alice, charlie, bob)) is RoleRequired

    assert roles_of(alice.team_id) == before
    assert alice.team.name == "Alice’s team"


def test_the_owner_does_not_hand_over_to_themselves(alice):
    assert attempt(lambda: people.hand_over(db.session, alice.membership(), alice.actor)) is Conflict


def test_the_database_refuses_a_second_owner(alice, bob):
    with pytest.raises(IntegrityError):
        db.session.execute(update(Membership).where(Membership.id == place(bob, alice).id).values(role_name="owner"))
    db.session.rollback()

    assert roles_of(alice.team_id) == {alice.email: "owner", bob.email: "member"}


def test_who_is_removed_twice_is_gone_already(alice, bob):
    member = place(bob, alice)
    people.remove(db.session, member, alice.actor)
    db.session.commit()

    with pytest.raises(Conflict):
        people.remove(db.session, member, alice.actor)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "\u202e", "\u200b"])
def test_a_team_name_keeps_to_the_rule_of_names(alice, name):
    assert attempt(lambda: people.rename(db.session, alice.team, name, alice.actor)) is Invalid


def test_members_over_the_plans_number_only_read_and_the_owner_takes_a_place(cast, alice):
    who, others = cast
    alice.set_plan(Plan.STARTER)
    people.hand_over(db.session, place(others[VIEWER], alice), alice.actor)
    db.session.commit()

    in_force = {each: place(who[each], alice).effective_role(db.session) for each in (OWNER, ADMIN, MEMBER)}

    # The new Owner joined last: Owner, Alice and the first to join fill the three places.
    assert in_force == {OWNER: ADMIN, ADMIN: ADMIN, MEMBER: VIEWER}
    assert place(others[VIEWER], alice).effective_role(db.session) is OWNER


def test_an_admin_over_the_plans_number_manages_nobody(cast, alice):
    _, others = cast
    alice.set_plan(Plan.STARTER)

    assert attempt(lambda: people.remove(db.session, place(others[VIEWER], alice), others[ADMIN].actor)) is RoleRequired


def test_a_deleted_team_takes_all_that_is_its_own_and_its_tokens_are_unknown(api, alice, bob, charlie):
    keys = [make_key(alice).token, make_key(bob, team_id=alice.team_id).token]
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    invite(alice, "new@example.com")
    make_monitor(charlie)

    people.delete_team(db.session, alice.team, alice.actor)
    db.session.commit()

    assert [api.get("/key", token).get_json()["code"] for token in keys] == ["token_unknown"] * 2
    for model in (Monitor, ApiKey, Incident, Invitation, Membership):
        assert db.session.scalar(select(func.count()).where(model.team_id == alice.team_id)) == 0
    assert db.session.query(Monitor).count() == 1
    trail = [(each.action, each.detail) for each in Event.of_user(db.session, bob.user_id)]
    assert trail[0] == ("team.deleted", {"team": alice.team_id, "name": "Alice’s team"})


def test_every_act_is_in_the_trail_of_the_one_it_is_done_to(alice, bob):
    people.change_role(db.session, place(bob, alice), ADMIN, alice.actor)
    people.hand_over(db.session, place(bob, alice), alice.actor)
    people.rename(db.session, alice.team, "Night watch", bob.actor)
    people.remove(db.session, place(alice, alice), bob.actor)
    db.session.commit()

    mine = [(each.action, each.actor_user_id) for each in Event.of_user(db.session, alice.user_id)]
    bobs = [(each.action, each.actor_user_id) for each in Event.of_user(db.session, bob.user_id)]
    assert mine[:2] == [("member.removed", bob.user_id), ("team.transferred", alice.user_id)]
    assert bobs[:3] == [
        ("team.renamed", bob.user_id),
        ("team.transferred", alice.user_id),
        ("member.changed", alice.user_id),
    ]


def test_a_removed_members_key_stops_at_the_next_request_and_a_rotation_does_not_help(api, alice, bob):
    issued = make_key(bob, team_id=alice.team_id)
    assert api.get("/key", issued.token).status_code == 200

    people.remove(db.session, place(bob, alice), alice.actor)
    db.session.commit()

    assert api.get("/key", issued.token).get_json()["code"] == "membership_ended"
    key = db.session.get_one(ApiKey, issued.key.id)
    assert attempt(lambda: key.rotate(db.session, replacing=key.token.id, by=bob.actor)) is Conflict


def test_a_lower_role_narrows_keys_at_the_next_request(api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    body = {"name": "Shop", "url": "https://shop.example.com"}
    assert api.post("/monitors", token, json=body).status_code == 201

    people.change_role(db.session, place(bob, alice), VIEWER, alice.actor)
    db.session.commit()

    assert api.post("/monitors", token, json=body).get_json()["code"] == "role_required"
    assert api.get("/monitors", token).status_code == 200


def test_an_account_that_owns_several_teams_takes_all_along(alice, bob):
    people.hand_over(db.session, place(bob, alice), alice.actor)
    db.session.commit()

    bob.user.delete(db.session)
    db.session.commit()

    assert db.session.query(Team).count() == db.session.query(Membership).count() == 0


def test_whoever_belongs_to_no_team_gets_one_of_their_own_once(alice):
    people.delete_team(db.session, alice.team, alice.actor)
    db.session.commit()

    for _ in range(2):
        alice.user.ensure_team(db.session, Plan.FREE, alice.actor)
        db.session.commit()

    (mine,) = alice.user.memberships
    assert (mine.role, mine.team.name, mine.team.plan) == (OWNER, "Alice’s team", Plan.FREE)


def mails(person) -> list[tuple[str, str]]:
    db.session.rollback()
    return [
        (each.subject, each.body) for each in db.session.query(Message).filter_by(recipient=person.email).order_by(Message.id)
    ]


def test_who_gets_another_role_or_is_removed_is_told_by_mail(alice, bob):
    people.change_role(db.session, place(bob, alice), VIEWER, alice.actor)
    people.change_role(db.session, place(bob, alice), VIEWER, alice.actor)
    people.remove(db.session, place(bob, alice), alice.actor)
    db.session.commit()

    changed, removed = mails(bob)
    assert changed[0] == "Your role in Alice’s team: Viewer"
    assert "It was Member." in changed[1]
    assert removed[0] == "You were removed from Alice’s team"
    assert "API keys for this team stopped working" in removed[1]
    assert mails(alice) == []


def test_whoever_leaves_is_told_nothing(alice, bob):
    people.leave(db.session, place(bob, alice), bob.actor)
    db.session.commit()

    assert mails(bob) == mails(alice) == []


def test_both_are_told_when_a_team_is_handed_over_and_where_from_only_who_did_it(alice, bob):
    by = replace(alice.actor, address="203.0.113.7")
    people.hand_over(db.session, place(bob, alice), by)
    db.session.commit()

    (of,), (to,) = mails(alice), mails(bob)
    assert (of[0], to[0]) == ("You transferred ownership of Alice’s team", "You now own Alice’s team")
    assert "203.0.113.7" in of[1]
    assert "203.0.113.7" not in to[1]
    assert "change your password" in of[1]


def test_everybody_is_told_when_their_team_is_deleted(alice, bob):
    people.delete_team(db.session, alice.team, alice.actor)
    db.session.commit()

    assert (
        [subject for subject, _ in mails(alice)]
        == [subject for subject, _ in mails(bob)]
        == ["The team Alice’s team was deleted"]
    )
