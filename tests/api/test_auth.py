"""The request hook: who may pass, who may not, and what each is told."""

from datetime import timedelta

import pytest

from pulse import tokens
from pulse.abilities import Ability
from pulse.api.auth import FACTS, Caller, team
from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.event import OPERATOR
from pulse.models.refusals import Conflict
from pulse.models.token import Token
from pulse.plans import Plan
from pulse.roles import Role
from pulse.tracing import trace
from tests.factories import join, make_key, make_person
from tests.helpers import assert_problem

GOOD = tokens.mint()
MALFORMED = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "bearer",
    GOOD,
    f"Token {GOOD}",
    f"Basic {GOOD}",
    f"ApiKey {GOOD}",
    f"Bearer{GOOD}",
    f"Bearer\t{GOOD}",
    f"Bearer:{GOOD}",
    f"Bearer={GOOD}",
    f" Bearer {GOOD}x",
    f"Bearer {GOOD} ",
    f"Bearer {GOOD} x",
    f"Bearer {GOOD},",
    f"Bearer {GOOD}, Bearer {GOOD}",
    f"Bearer {GOOD},Bearer {GOOD}",
    f"Bearer {GOOD}; x=y",
    f"Bearer Bearer {GOOD}",
    f'Bearer "{GOOD}"',
    f"Bearer '{GOOD}'",
    f"Bearer <{GOOD}>",
    f"Bearer {GOOD[:-1]}",
    f"Bearer {GOOD}0",
    f"Bearer {GOOD[6:]}",
    f"Bearer pulse{GOOD[6:]}",
    f"Bearer PULSE_{GOOD[6:]}",
    f"Bearer {GOOD.swapcase()}",
    f"Bearer {GOOD[:-6]}000000",
    f"Bearer {GOOD[::-1]}",
    f"Bearer {GOOD.replace('_', '-')}",
    f"Bearer {GOOD.replace('_', '%5F')}",
    f"Bearer {GOOD}%20",
    f"Bearer {GOOD}%00",
    f"Bearer {GOOD}\\0",
    f"Bearer {GOOD[:20]} {GOOD[20:]}",
    f"Bearer {GOOD[:20]}\t{GOOD[20:]}",
    "Bearer pulse_",
    "Bearer pulse_" + "0" * 46,
    "Bearer pulse_" + "A" * 45,
    "Bearer pulse_" + "é" * 46,
    "Bearer pulse_" + "\xff" * 46,
    "Bearer \xa0" + GOOD,
    "Bearer\xa0" + GOOD,
    "Bearer pulse_" + "A" * 65536,
    "B" * 65536,
    "Bearer null",
    "Bearer undefined",
    "Bearer None",
    "Bearer 0",
    "Bearer -1",
    "Bearer true",
    "Bearer []",
    "Bearer {}",
    'Bearer {"token": 1}',
    "Bearer ' OR 1=1 --",
    "Bearer ../../etc/passwd",
    "Bearer ${jndi:ldap://x}",
    "Bearer {{7*7}}",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Digest username=x",
    "Negotiate abc",
    ",",
    "=",
]


def test_no_header_is_a_missing_token(api):
    response = api.get("/key")

    assert_problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="pulse"'


@pytest.mark.parametrize("header", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_header_is_refused_without_a_query(api, statements, header):
    with statements() as sent:
        response = api.get("/key", headers={"Authorization": header})

    assert_problem(response, 401, "token_malformed")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="pulse", error="invalid_token"'
    assert sent == []


def test_two_headers_are_malformed(api, alice):
    token = make_key(alice).token

    response = api.get("/key", headers=[("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")])

    assert_problem(response, 401, "token_malformed")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_read_in_any_case(api, alice, scheme):
    token = make_key(alice).token

    assert api.get("/key", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_a_token_never_issued_is_unknown(api):
    response = api.get("/key", tokens.mint())

    assert_problem(response, 401, "token_unknown")


def test_known_and_unknown_tokens_cost_the_same_one_query(api, alice, statements):
    token = make_key(alice).token
    api.get("/key", token)
    services().uses.flush()

    with statements() as unknown:
        api.get("/key", tokens.mint())
    with statements() as known:
        api.get("/key", token)

    assert len(unknown) == 1
    assert known == unknown


@pytest.mark.parametrize("place", ["query", "form", "cookie", "x-api-key", "password"])
def test_a_token_anywhere_else_is_no_token(api, alice, place):
    token = make_key(alice).token
    options = {
        "query": {"query_string": {"access_token": token, "token": token, "api_key": token}},
        "form": {"data": {"access_token": token}, "method": "GET"},
        "cookie": {"headers": {"Cookie": f"token={token}; pulse={token}"}},
        "x-api-key": {"headers": {"X-Api-Key": token, "Api-Key": token, "X-Auth-Token": token}},
        "password": {"headers": {"Proxy-Authorization": f"Bearer {token}"}},
    }[place]
    options.pop("method", None)

    assert_problem(api.get("/key", **options), 401, "token_missing")


def test_a_stored_digest_is_no_token(api, alice):
    issued = make_key(alice)
    digest = issued.key.token.digest

    for text in (digest.hex(), "pulse_" + digest.hex()[:46], str(digest)):
        assert_problem(api.get("/key", text), 401, "token_malformed")


def test_a_rotated_token_is_told_since_when(api, alice):
    issued = make_key(alice)
    rotated = issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)
    db.session.commit()

    problem = assert_problem(api.get("/key", issued.token), 401, "token_rotated")

    assert problem["at"].endswith("Z")
    assert rotated.token[-8:] not in str(problem)
    assert "CI/CD" not in str(problem)
    assert api.get("/key", rotated.token).status_code == 200


def test_a_deleted_keys_token_is_told_so(api, alice):
    issued = make_key(alice)
    issued.key.revoke(db.session, by=alice.actor)
    db.session.commit()

    assert_problem(api.get("/key", issued.token), 401, "token_deleted")


def test_a_token_revoked_by_the_operator_is_deleted_to_its_holder(api, alice):
    issued = make_key(alice)
    issued.key.revoke(db.session, by=OPERATOR)
    db.session.commit()

    assert_problem(api.get("/key", issued.token), 401, "token_deleted")


def test_an_expired_token_is_told_since_when(api, alice):
    issued = make_key(alice, expires_in=timedelta(days=7))
    issued.key.expires_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    assert "at" in assert_problem(api.get("/key", issued.token), 401, "token_expired")


def test_a_deleted_accounts_token_is_unknown(api, alice):
    token = make_key(alice).token
    alice.user.delete(db.session)
    db.session.commit()

    assert_problem(api.get("/key", token), 401, "token_unknown")


def test_a_suspended_account_is_refused_from_the_next_request(api, alice):
    token = make_key(alice).token
    alice.user.suspend(db.session, OPERATOR)
    db.session.commit()

    assert_problem(api.get("/key", token), 403, "account_suspended")

    alice.user.restore(db.session, OPERATOR)
    db.session.commit()
    assert api.get("/key", token).status_code == 200


def test_who_left_the_team_has_no_key_to_it(api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    assert_problem(api.get("/key", token), 403, "membership_ended")


def test_falling_to_free_stops_keys_and_an_upgrade_brings_them_back(api, alice):
    token = make_key(alice).token

    alice.set_plan(Plan.FREE)
    problem = assert_problem(api.get("/key", token), 403, "plan_required")
    assert (problem["plan"], problem["plans"]) == ("free", ["starter", "professional", "team"])

    alice.set_plan(Plan.TEAM)
    assert api.get("/key", token).status_code == 200


def test_an_ability_that_is_missing_is_named(api, alice):
    token = make_key(alice, Ability.MONITORS_READ).token

    response = api.post("/key/rotate", token)

    problem = assert_problem(response, 403, "ability_required")
    assert (problem["required"], problem["held"]) == ("key:rotate", ["monitors:read"])
    assert response.headers["WWW-Authenticate"] == ('Bearer realm="pulse", error="insufficient_scope", scope="key:rotate"')


def test_a_member_over_the_plans_number_only_reads(app, api, alice):
    alice.set_plan(Plan.STARTER)
    people = [join(make_person(app, f"P{n}", f"p{n}@example.com"), alice.team) for n in range(3)]
    token = make_key(people[-1], team_id=alice.team_id).token

    assert api.get("/key", token).get_json()["owner"]["role"] == "viewer"


def test_the_role_that_is_needed_is_named(api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    bob.membership(alice.team_id).role_name = Role.VIEWER.value
    db.session.commit()

    refused = assert_problem(api.post("/projects", token, json={"name": "X"}), 403, "role_required")

    assert refused["role"] == "viewer"
    assert "projects:write needs Admin, Member or Owner" in refused["detail"]


def test_a_role_narrows_a_key_from_the_next_request(api, alice, bob):
    token = make_key(bob, team_id=alice.team_id).token
    assert api.get("/key", token).get_json()["owner"]["role"] == "member"

    bob.membership(alice.team_id).role_name = Role.VIEWER.value
    db.session.commit()

    assert api.get("/key", token).get_json()["owner"]["role"] == "viewer"


def test_cookies_are_ignored(visitor, alice):
    visitor.sign_in(alice)

    response = visitor.client.get("/api/v1/key")

    assert_problem(response, 401, "token_missing")
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["/nope", "", "/", "/key/", "/keys", "/key/rotate/", "/../key", "/monitors/0", "/%00"])
def test_an_unrouted_path_asks_for_a_token_first(api, alice, path):
    token = make_key(alice).token

    assert_problem(api.get(path), 401, "token_missing")
    assert_problem(api.get(path, token), 404, "not_found")


def test_an_unknown_method_asks_for_a_token_first(api, alice):
    token = make_key(alice).token

    assert_problem(api.call("PUT", "/key"), 401, "token_missing")
    response = api.call("PUT", "/key", token)
    assert_problem(response, 405, "method_not_allowed")
    assert {"GET", "HEAD", "DELETE"} <= set(response.headers["Allow"].split(", "))


def test_every_reply_has_the_headers_of_the_contract(api, alice):
    token = make_key(alice).token

    for response in (api.get("/key", token), api.get("/key"), api.get("/nope", token), api.call("TRACE", "/key", token)):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Vary"] == "Authorization"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert len(response.headers["X-Request-Id"]) == 32
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_head_request_is_answered_as_a_get(api, alice):
    response = api.call("HEAD", "/key", make_key(alice).token)

    assert response.status_code == 200
    assert response.get_data() == b""


def test_a_second_use_within_a_minute_leaves_the_last_one_as_it_was_noted(app, api, alice):
    issued = make_key(alice)
    writer = services().uses

    api.get("/key", issued.token)
    writer.flush()
    db.session.rollback()
    first = db.session.get_one(Token, issued.key.token.id).last_used_at
    api.get("/key", issued.token)
    writer.flush()
    db.session.rollback()

    assert first is not None
    assert db.session.get_one(Token, issued.key.token.id).last_used_at == first


def test_a_refused_request_counts_as_a_use(app, api, alice):
    issued = make_key(alice, Ability.MONITORS_READ)

    assert_problem(api.post("/key/rotate", issued.token), 403, "ability_required")
    services().uses.flush()
    db.session.rollback()

    assert issued.key.token.last_used_at is not None


def test_a_key_may_ask_as_often_as_its_plan_says(api, alice, within_a_minute):
    alice.set_plan(Plan.STARTER)
    token = make_key(alice).token

    replies = [api.get("/key", token) for _ in range(62)]

    assert [reply.status_code for reply in replies[:60]] == [200] * 60
    problem = assert_problem(replies[-1], 429, "rate_limited")
    assert replies[0].headers["X-RateLimit-Limit"] == "60"
    assert replies[0].headers["X-RateLimit-Remaining"] == "59"
    assert int(replies[-1].headers["Retry-After"]) == problem["retry_after"]
    assert replies[-1].headers["X-RateLimit-Remaining"] == "0"


def test_strangers_are_throttled_but_no_live_key_is(api, alice, within_a_minute):
    token, former = make_key(alice).token, make_key(alice, name="Former")
    former.key.revoke(db.session, by=alice.actor)
    db.session.commit()

    for _ in range(120):
        assert_problem(api.get("/key"), 401, "token_missing")

    response = api.get("/key")
    assert_problem(response, 429, "rate_limited")
    assert int(response.headers["Retry-After"]) > 0
    assert_problem(api.get("/key", "pulse_x"), 429, "rate_limited")
    assert_problem(api.get("/key", tokens.mint()), 429, "rate_limited")
    assert api.get("/key", token).status_code == 200
    assert_problem(api.get("/key", former.token), 401, "token_deleted")


def test_a_team_that_is_deleted_after_its_key_was_let_in_is_a_conflict(app, alice):
    with app.test_request_context("/api/v1/projects"):
        trace().caller = Caller(1, None, None, Plan.TEAM, Role.OWNER, 1, "CI", "k71x92Qa", [], "", 1, "Alice", "", 2**40, "Gone")

        with pytest.raises(Conflict, match="deleted"):
            team()


def test_what_the_lookup_brings_is_in_the_order_of_a_caller():
    names = [each.key.replace("ability_names", "abilities") for each in FACTS]

    assert names == list(Caller._fields[-len(FACTS) :])
