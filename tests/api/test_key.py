"""The calling key: describe, rotate, delete itself."""

from datetime import timedelta

import pytest

from pulse import tokens
from pulse.abilities import Ability
from pulse.extensions import db
from pulse.models.event import Event
from tests.factories import make_key
from tests.helpers import assert_problem


def test_a_key_describes_itself(api, alice):
    issued = make_key(alice, Ability.KEY_ROTATE, Ability.MONITORS_READ, name="Dashboard", expires_in=timedelta(days=30))

    told = api.get("/key", issued.token).get_json()

    assert told["id"] == issued.key.id
    assert told["name"] == "Dashboard"
    assert told["last_eight"] == issued.token[-8:]
    assert told["abilities"] == ["monitors:read", "key:rotate"]
    assert told["created_at"].endswith("Z")
    assert told["expires_at"].endswith("Z")
    assert told["last_used_at"] is None
    assert told["team"] == {"id": alice.team_id, "name": alice.team.name, "plan": "professional"}
    assert told["owner"] == {"id": alice.user_id, "name": "Alice", "email": alice.email, "role": "owner"}
    assert told["plan"] == "professional"
    assert told["rate_limit"] == {"requests_per_minute": 300}
    assert "token" not in told


def test_a_key_rotates_itself(api, alice):
    issued = make_key(alice)

    reply = api.post("/key/rotate", issued.token)

    new = reply.get_json()["token"]
    assert reply.status_code == 200
    assert tokens.is_well_formed(new)
    assert reply.get_json()["last_eight"] == new[-8:]
    assert_problem(api.get("/key", issued.token), 401, "token_rotated")
    assert api.get("/key", new).status_code == 200


def test_a_rotation_keeps_no_reply_and_says_so(api, alice):
    token = make_key(alice).token

    problem = assert_problem(api.post("/key/rotate", token, headers={"Idempotency-Key": "a"}), 422, "validation_failed")

    assert problem["errors"][0]["field"] == "Idempotency-Key"
    assert api.get("/key", token).status_code == 200


@pytest.mark.parametrize("body", [None, {}])
def test_rotate_takes_no_body_or_an_empty_one(api, alice, body):
    options = {} if body is None else {"json": body}

    assert api.post("/key/rotate", make_key(alice).token, **options).status_code == 200


@pytest.mark.parametrize("field", ["user_id", "userId", "owner", "team_id", "token", "digest", "plan", "is_staff", "id"])
def test_nothing_about_a_key_can_be_set_by_the_client(api, alice, field):
    token = make_key(alice).token

    assert_problem(api.post("/key/rotate", token, json={field: 1}), 400, "malformed_request")
    assert api.get("/key", token).status_code == 200


def test_unknown_query_fields_are_refused(api, alice):
    problem = assert_problem(api.get("/key?expand=all", make_key(alice).token), 422, "validation_failed")

    assert problem["errors"][0]["field"] == "expand"


def test_a_key_deletes_itself(api, alice):
    issued = make_key(alice, Ability.MONITORS_READ)

    reply = api.delete("/key", issued.token)

    assert reply.status_code == 204
    assert reply.get_data() == b""
    assert_problem(api.get("/key", issued.token), 401, "token_deleted")


def test_what_a_key_does_to_itself_is_in_the_trail(api, alice):
    issued = make_key(alice)
    new = api.post("/key/rotate", issued.token, headers={"User-Agent": "rotator/1"}).get_json()["token"]
    api.delete("/key", new)
    db.session.rollback()

    deleted, rotated, _ = Event.of_key(db.session, issued.key.id)

    assert (rotated.action, rotated.actor_kind, rotated.actor_key_id) == ("key.rotated", "key", issued.key.id)
    assert rotated.user_agent == "rotator/1"
    assert deleted.action == "key.deleted"
    assert deleted.request_id is not None
