"""Support's hidden pages."""

import pytest

from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.plans import Plan
from tests.factories import PASSWORD, make_key
from tests.helpers import Visitor, assert_problem, soup, text
from tests.uses import recorded, use
from tests.web.forms import words

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture
def staff(visitor, dana):
    visitor.sign_in(dana)
    return visitor


def assert_same(hidden, unknown):
    """Hold a reply to that of an unknown path: all but the request's id."""
    shown = [reply.get_data(as_text=True).replace(reply.headers["X-Request-Id"], "") for reply in (hidden, unknown)]
    heads = [{k: v for k, v in reply.headers if k not in ("X-Request-Id", "Date")} for reply in (hidden, unknown)]
    assert hidden.status_code == unknown.status_code == 404
    assert shown[0] == shown[1]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tail", ["", "/", "/accounts/1", "/accounts/1/suspend", "/nope", "?q=1"])
@pytest.mark.parametrize("who", ["nobody", "charlie"])
def test_the_route_is_unknown_to_all_but_staff(app, visitor, request, method, tail, who):
    if who != "nobody":
        visitor.sign_in(request.getfixturevalue(who))

    hidden = visitor.open(method, f"/support{tail}")
    unknown = visitor.open(method, f"/no-such-path{tail}")

    assert_same(hidden, unknown)


def test_a_suspended_staff_member_finds_nothing(visitor, dana):
    visitor.sign_in(dana)
    dana.user.staff_since = None
    db.session.commit()

    assert visitor.get("/support").status_code == 404


def test_staff_confirm_their_password_after_a_while(staff, dana):
    make_stale(dana)

    page = staff.get("/support")
    assert "Confirm your password" in text(page)
    assert "Find" not in text(page)

    refused = staff.submit("/support", {"password": "wrong"})
    assert "This is not your password." in text(refused)

    confirmed = staff.submit("/support", {"password": PASSWORD})
    assert confirmed.status_code == 303
    assert soup(staff.get("/support")).find("button", string="Find")


def make_stale(person):
    for session in BrowserSession.of_user(db.session, person.user_id):
        session.authenticated_at = session.authenticated_at.replace(year=2020)
    db.session.commit()


def test_an_act_waits_for_the_password_with_its_reason(api, staff, alice, dana):
    issued = make_key(alice)
    act = f"/support/accounts/{alice.user_id}/keys/{issued.key.id}/revoke"
    proof = staff.csrf_token(f"/support/accounts/{alice.user_id}")
    make_stale(dana)

    asked = staff.post(act, {"csrf_token": proof, "reason": "Leaked in a paste"})
    waiting = {each["name"]: each["value"] for each in soup(asked).select("main form input[type=hidden]")}
    still_alive = api.get("/key", issued.token).status_code
    reply = staff.post(act, waiting | {"password": PASSWORD})

    assert (still_alive, waiting["reason"]) == (200, "Leaked in a paste")
    assert (reply.status_code, reply.headers["Location"]) == (303, f"/support/accounts/{alice.user_id}")
    assert_problem(api.get("/key", issued.token), 401, "token_deleted")


def test_a_right_password_is_not_called_wrong_after_too_many_tries(staff, dana):
    make_stale(dana)
    for _ in range(10):
        staff.submit("/support", {"password": "wrong"})

    refused = staff.submit("/support", {"password": PASSWORD})

    assert refused.status_code == 429
    assert "Too many attempts" in text(refused)
    assert "This is not your password" not in text(refused)


def find(staff, sought):
    return staff.submit("/support", {"sought": sought})


def test_an_account_is_found_by_all_a_user_can_tell(app, api, staff, alice, charlie):
    issued = make_key(alice, name="Nightly report")
    make_key(charlie, name="Other")
    request_id = api.get("/key", issued.token).headers["X-Request-Id"]
    refused = api.post("/monitors/1/nope", issued.token).headers["X-Request-Id"]
    told = [
        alice.email.upper(),
        "nightly REPORT",
        issued.token[-8:],
        "…" + issued.token[-8:],
        str(issued.key.id),
        request_id,
        refused,
        issued.token,
    ]

    for each in told:
        page = text(find(staff, each))
        assert alice.email in page, each
        assert charlie.email not in page, each


def test_the_request_id_of_a_former_tokens_refusal_leads_to_its_account(api, staff, alice):
    issued = make_key(alice)
    issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)
    db.session.commit()

    refused = api.get("/key", issued.token)

    assert refused.get_json()["code"] == "token_rotated"
    assert alice.email in text(find(staff, refused.headers["X-Request-Id"]))


def test_a_former_token_leads_to_its_account(staff, alice):
    issued = make_key(alice)
    issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)
    db.session.commit()

    assert "former, rotated" in text(find(staff, issued.token))


@pytest.mark.parametrize(
    "sought", ["", "x" * 500, "x" * 5000, "9" * 40, "9" * 5000, "0", "\u0000", "%", "' OR 1=1 --", "0" * 32, "z" * 32]
)
def test_nothing_found_is_said(staff, alice, sought):
    page = find(staff, sought)

    assert page.status_code == 200
    assert alice.email not in text(page)


def test_a_pasted_token_is_nowhere_afterwards(staff, alice, capfd):
    token = make_key(alice).token

    page = find(staff, token)

    assert token not in page.get_data(as_text=True)
    assert token not in "".join(capfd.readouterr())
    assert token not in str([event.detail for event in db.session.query(Event)])


def test_looking_is_in_the_trail(staff, alice, dana):
    staff.get(f"/support/accounts/{alice.user_id}")
    db.session.rollback()

    newest = Event.of_user(db.session, alice.user_id)[0]

    assert (newest.action, newest.actor_kind, newest.actor_user_id) == ("support.viewed", "staff", dana.user_id)


def test_staff_revoke_a_key_with_a_reason(api, staff, alice):
    issued = make_key(alice)
    account = f"/support/accounts/{alice.user_id}"

    reply = staff.submit(f"{account}/keys/{issued.key.id}/revoke", {"reason": "Leaked in a paste"}, page=account)

    assert reply.status_code == 303
    assert_problem(api.get("/key", issued.token), 401, "token_deleted")
    db.session.rollback()
    event = Event.of_key(db.session, issued.key.id)[0]
    assert (event.action, event.reason, event.actor_kind) == ("key.revoked", "Leaked in a paste", "staff")
    assert "Leaked in a paste" in text(staff.get(account))


@pytest.mark.parametrize("reason", ["", "  ", "\u202e"])
def test_no_act_without_a_reason(api, staff, alice, reason):
    issued = make_key(alice)
    account = f"/support/accounts/{alice.user_id}"

    reply = staff.submit(f"{account}/keys/{issued.key.id}/revoke", {"reason": reason}, page=account)

    assert reply.status_code == 422
    assert api.get("/key", issued.token).status_code == 200


def test_staff_reach_a_key_only_through_its_own_account(staff, alice, charlie):
    issued = make_key(charlie)
    account = f"/support/accounts/{alice.user_id}"

    reply = staff.submit(f"{account}/keys/{issued.key.id}/revoke", {"reason": "x"}, page=account)

    assert reply.status_code == 404


def test_staff_suspend_and_restore(app, api, staff, alice):
    token = make_key(alice).token
    account = f"/support/accounts/{alice.user_id}"

    staff.submit(f"{account}/suspend", {"reason": "Abuse"}, page=account)
    assert_problem(api.get("/key", token), 403, "account_suspended")

    staff.submit(f"{account}/restore", {"reason": "Mistake"}, page=account)
    assert api.get("/key", token).status_code == 200


def test_staff_end_sessions(staff, alice, app):
    BrowserSession.open(db.session, alice.user, alice.actor)
    db.session.commit()
    account = f"/support/accounts/{alice.user_id}"

    staff.submit(f"{account}/sessions/end", {"reason": "Stolen laptop"}, page=account)
    db.session.rollback()

    assert BrowserSession.of_user(db.session, alice.user_id) == []


def test_staff_change_a_plan(staff, alice):
    account = f"/support/accounts/{alice.user_id}"

    staff.submit(f"{account}/teams/{alice.team_id}/plan", {"reason": "Agreed", "plan": "team"}, page=account)
    db.session.rollback()

    assert alice.team.plan is Plan.TEAM


def test_staff_never_see_make_or_rotate_a_token(app):
    rules = [rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("support.")]

    assert rules
    assert not [rule for rule in rules if "rotate" in rule or "new" in rule or "password" in rule]


def test_there_is_no_staff_unless_the_command_line_made_one(alice):
    assert db.session.query(User).filter(User.staff_since.is_not(None)).count() == 0
    assert not alice.user.is_staff
    assert ApiKey.of_user(db.session, alice.user_id) == []


def test_what_staff_did_is_visible_to_the_accounts_owner(staff, visitor, app, alice):
    account = f"/support/accounts/{alice.user_id}"
    staff.submit(f"{account}/suspend", {"reason": "Looked like abuse"}, page=account)
    staff.submit(f"{account}/restore", {"reason": "It was not"}, page=account)

    owner = Visitor(app)
    owner.sign_in(alice)
    page = text(owner.get("/settings/profile"))

    assert "Account suspended Looked like abuse Support" in page
    assert "Account restored It was not Support" in page
    assert "Support viewed" in page


def test_staff_see_how_much_a_key_is_used(visitor, alice, dana):
    key = make_key(alice).key
    recorded(*(use(key.token.id) for _ in range(3)))
    visitor.sign_in(dana)

    told = text(visitor.get(f"/support/accounts/{alice.user_id}"))

    assert "3 requests in 24 hours" in told


def test_the_trail_tells_which_key_acted_and_whose_it_is(staff, api, alice):
    make_key(alice, name="Other")
    issued = make_key(alice, name="Deploy bot")
    key_id = issued.key.id
    api.post("/monitors", issued.token, json={"name": "Shop", "url": "https://shop.example.com/"})

    page = soup(staff.get(f"/support/accounts/{alice.user_id}"))

    row = next(each for each in page.find_all("tr") if words(each.find("th")) == "monitor.created")
    assert words(row.find("td", {"data-label": "By"})) == f"key {key_id} Deploy bot, of user {alice.user_id}"


def test_the_trail_names_a_key_that_acted_and_is_gone(staff, api, alice):
    issued = make_key(alice, name="Deploy bot")
    key_id = issued.key.id
    api.delete("/key", issued.token)

    page = soup(staff.get(f"/support/accounts/{alice.user_id}"))

    row = next(each for each in page.find_all("tr") if words(each.find("th")) == "key.deleted")
    assert words(row.find("td", {"data-label": "By"})).startswith(f"key {key_id} Deploy bot")


def test_a_missing_reason_is_told_at_the_field_of_the_act(staff, alice):
    issued = make_key(alice)
    make_key(alice, name="Other")
    account = f"/support/accounts/{alice.user_id}"
    act = f"{account}/keys/{issued.key.id}/revoke"

    page = soup(staff.submit(act, {"reason": " "}, page=account))

    (field,) = page.select("[aria-invalid=true]")
    assert field.find_parent("form")["action"] == act
    assert field.find_parent("details").has_attr("open")
    assert words(page.find(id=field["aria-describedby"])) == "Enter a reason."
    assert page.select("form[action*=support] :required") == []


def test_every_reason_has_a_label_that_can_be_seen(staff, alice):
    make_key(alice)

    page = soup(staff.get(f"/support/accounts/{alice.user_id}"))

    fields = page.select("input[name=reason]")
    labels = [page.find("label", attrs={"for": each["id"]}) for each in fields]
    assert len(fields) == 4
    assert {(words(each), each.get("class") is None) for each in labels} == {("Reason", True)}


def test_a_plan_that_is_none_is_refused_and_the_reason_kept(staff, alice):
    account = f"/support/accounts/{alice.user_id}"

    reply = staff.submit(f"{account}/teams/{alice.team_id}/plan", {"reason": "Agreed", "plan": "gold"}, page=account)

    assert reply.status_code == 422
    assert "Not a valid choice" in text(reply)
    assert soup(reply).find("input", {"value": "Agreed"})


def test_accounts_found_stand_under_their_heading(staff, alice):
    page = soup(find(staff, alice.email))

    assert words(page.find("h2")) == "Accounts found"
