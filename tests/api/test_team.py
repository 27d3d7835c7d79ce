"""Members and invitations over the API."""

from datetime import timedelta

import pytest

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.invitation import Invitation
from pulse.models.outbox import Message
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.teams import ROLES, invite, roles_of, staff_team

NEW = {"email": "new@example.com", "role": "member"}


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.fixture
def cast(app, alice):
    """One person of each role in Alice's team."""
    return staff_team(app, alice)


def keys_of(cast, alice):
    return {role: make_key(person, team_id=alice.team_id).token for role, person in cast.items()}


def member_id(person, alice):
    return person.membership(alice.team_id).id


def mailed(email):
    db.session.rollback()
    return [each.body for each in db.session.query(Message).filter_by(recipient=email)]


def test_members_are_listed_newest_first_to_every_role(api, cast, alice):
    for token in keys_of(cast, alice).values():
        told = api.get("/members", token).get_json()["data"]

        assert [each["role"] for each in told] == ["viewer", "member", "admin", "owner"]
        assert set(told[0]) == {"id", "user", "role", "joined_at"}
        assert told[3]["user"] == {"id": alice.user_id, "name": "Alice", "email": alice.email}
        assert api.get(f"/members/{told[0]['id']}", token).get_json() == told[0]


def test_the_list_of_members_is_paged(api, cast, alice, token):
    first = api.get("/members?limit=3", token).get_json()
    second = api.get(f"/members?limit=3&cursor={first['next_cursor']}", token).get_json()

    assert [each["role"] for each in first["data"] + second["data"]] == ["viewer", "member", "admin", "owner"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_change_roles_and_remove(api, cast, alice, actor):
    token, at = keys_of(cast, alice)[actor], member_id(cast[Role.VIEWER], alice)
    path = f"/members/{at}"

    changed, removed = api.patch(path, token, json={"role": "member"}), api.delete(path, token)

    if actor.manages_people:
        assert (changed.status_code, changed.get_json()["role"], removed.status_code) == (200, "member", 204)
        assert_problem(api.get(path, token), 404, "not_found")
    else:
        for reply in (changed, removed):
            problem = assert_problem(reply, 403, "role_required")
            assert (problem["required"], problem["role"]) == ("team:write", actor.value)


@pytest.mark.parametrize("actor", [Role.OWNER, Role.ADMIN])
def test_nobody_touches_the_owner(api, cast, alice, actor):
    token, path = keys_of(cast, alice)[actor], f"/members/{member_id(alice, alice)}"

    assert_problem(api.patch(path, token, json={"role": "viewer"}), 409, "conflict")
    assert_problem(api.delete(path, token), 409, "conflict")

    assert roles_of(alice.team_id)[alice.email] == "owner"


@pytest.mark.parametrize("role", ["owner", "Admin", "", "root", None, 7, ["admin"]])
def test_a_role_that_cannot_be_given_is_refused(api, cast, alice, token, role):
    path = f"/members/{member_id(cast[Role.MEMBER], alice)}"

    for reply in (api.patch(path, token, json={"role": role}), api.post("/invitations", token, json=NEW | {"role": role})):
        problem = assert_problem(reply, 422, "validation_failed")
        assert [each["field"] for each in problem["errors"]] == ["role"]


def test_a_removed_members_key_is_refused_from_the_next_request(api, cast, alice, token):
    bob = cast[Role.MEMBER]
    theirs, own = make_key(bob, team_id=alice.team_id).token, make_key(bob).token
    assert api.get("/key", theirs).status_code == 200

    assert api.delete(f"/members/{member_id(bob, alice)}", token).status_code == 204

    for method, path in (("GET", "/key"), ("GET", "/monitors"), ("POST", "/key/rotate"), ("DELETE", "/key"), ("GET", "/nowhere")):
        assert_problem(api.call(method, path, theirs), 403, "membership_ended")
    assert api.get("/key", own).status_code == 200


def test_an_admin_removes_themselves_and_their_key_is_dead(api, cast, alice):
    admin = cast[Role.ADMIN]
    token = make_key(admin, team_id=alice.team_id).token

    assert api.delete(f"/members/{member_id(admin, alice)}", token).status_code == 204

    assert_problem(api.get("/members", token), 403, "membership_ended")


def test_an_admin_over_the_plans_number_only_reads(api, cast, alice):
    admin = cast[Role.ADMIN]
    token = make_key(admin, team_id=alice.team_id).token
    alice.set_plan(Plan.STARTER)
    assert api.get("/key", token).get_json()["owner"]["role"] == "admin"
    # Two who joined earlier would leave no place; here it is the Owner and one more member.
    member = make_key(cast[Role.VIEWER], team_id=alice.team_id).token

    told = api.get("/key", member).get_json()["owner"]["role"]

    assert told == "viewer"
    cast[Role.VIEWER].membership(alice.team_id).role_name = "admin"
    db.session.commit()
    assert_problem(api.post("/invitations", member, json=NEW), 403, "role_required")


def test_an_invitation_is_mailed_with_its_link_and_told_without(api, token, alice):
    reply = api.post("/invitations", token, json={"email": " New@Example.com ", "role": "admin"})

    made = reply.get_json()
    (body,) = mailed("New@example.com")
    link = next(line for line in body.splitlines() if line.startswith("http"))
    assert reply.status_code == 201
    assert set(made) == {"id", "email", "role", "expires_at"}
    assert (made["email"], made["role"]) == ("New@example.com", "admin")
    assert link.rpartition("/")[2] not in reply.get_data(as_text=True)
    assert reply.headers["Location"].endswith(f"/api/v1/invitations/{made['id']}")
    assert api.get(f"/invitations/{made['id']}", token).get_json() == made
    assert api.get("/invitations", token).get_json() == {"data": [made], "next_cursor": None}
    assert "Alice (alice@example.com) invited you" in body


@pytest.mark.parametrize("actor", ROLES)
def test_owner_and_admin_invite_and_revoke(api, cast, alice, actor):
    token = keys_of(cast, alice)[actor]
    invite(alice, "old@example.com")
    at = db.session.query(Invitation).one().id

    replies = api.post("/invitations", token, json=NEW), api.delete(f"/invitations/{at}", token)

    if actor.manages_people:
        assert [each.status_code for each in replies] == [201, 204]
    else:
        for reply in replies:
            assert_problem(reply, 403, "role_required")
        assert mailed("new@example.com") == []
    assert api.get(f"/invitations/{at}", token).status_code == (404 if actor.manages_people else 200)


@pytest.mark.parametrize("email", ["", "new", "new@", "a b@example.com", "a@b.com\nBcc: c@d.com", "x\u0000@example.com", None, 7])
def test_what_is_no_address_is_refused(api, token, email):
    problem = assert_problem(api.post("/invitations", token, json=NEW | {"email": email}), 422, "validation_failed")

    assert [each["field"] for each in problem["errors"]] == ["email"]


def test_a_member_or_an_invited_address_is_a_conflict(api, token, alice, bob):
    invite(alice, "new@example.com")

    for email in (bob.email, "NEW@example.com"):
        assert_problem(api.post("/invitations", token, json={"email": email, "role": "viewer"}), 409, "conflict")


def test_no_more_are_invited_than_the_plan_includes(api, token, alice, bob):
    alice.set_plan(Plan.STARTER)
    assert api.post("/invitations", token, json=NEW).status_code == 201

    problem = assert_problem(api.post("/invitations", token, json=NEW | {"email": "newer@example.com"}), 403, "limit_reached")

    assert problem["limit"] == 3
    assert mailed("newer@example.com") == []


def test_too_many_mails_to_one_address_are_told_to_wait(api, token):
    for _ in range(5):
        at = api.post("/invitations", token, json=NEW).get_json()["id"]
        api.delete(f"/invitations/{at}", token)

    reply = api.post("/invitations", token, json=NEW)

    problem = assert_problem(reply, 429, "rate_limited")
    assert int(reply.headers["Retry-After"]) == problem["retry_after"]


def test_one_that_has_run_out_is_not_found(api, token, alice):
    invite(alice, "new@example.com")
    waiting = db.session.query(Invitation).one()
    path = f"/invitations/{waiting.id}"
    waiting.expires_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    assert api.get("/invitations", token).get_json()["data"] == []
    for reply in (api.get(path, token), api.delete(path, token)):
        assert_problem(reply, 404, "not_found")


def test_nothing_but_email_and_role_is_taken(api, token, charlie):
    for extra in ({"team_id": charlie.team_id}, {"expires_at": "2099-01-01T00:00:00Z"}, {"token": "x"}):
        assert_problem(api.post("/invitations", token, json=NEW | extra), 422, "validation_failed")


def test_reading_and_writing_are_two_permissions(api, alice):
    reads, writes = make_key(alice, Ability.TEAM_READ, name="R").token, make_key(alice, Ability.TEAM_WRITE, name="W").token

    assert_problem(api.post("/invitations", reads, json=NEW), 403, "ability_required")
    assert_problem(api.get("/members", writes), 403, "ability_required")
    assert api.post("/invitations", writes, json=NEW).status_code == 201
