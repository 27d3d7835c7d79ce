"""Who may do what, told by the operations themselves: every route, every ability, every role, every plan."""

import pytest

from pulse.abilities import Ability
from pulse.api.auth import PREFIX
from pulse.api.operations import OPERATIONS
from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, check, make_monitor


def name(operation):
    return f"{operation.method} {operation.path}"


ALL = sorted(OPERATIONS.values(), key=lambda each: (each.path, each.method))
BODIES = {"name": "X", "url": "https://example.com"}


def called(api, operation, token, ids):
    """Call an operation with the ids that its path asks for."""
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"<id:{name}>", str(value)).replace(f"<{name}>", str(value))
    assert "<" not in path, path
    options = {"json": BODIES if operation.method in ("POST", "PUT") and operation.body else {}} if operation.body else {}
    if "resolve" in path:
        options = {}
    return api.call(operation.method, path, token, **options)


@pytest.fixture
def things(alice):
    """The ids of one of each of Alice's things."""
    monitor = make_monitor(alice, external_id="alices")
    check(monitor, BAD, BAD)
    incident = db.session.query(Incident).one()
    ids = {"monitor_id": monitor.id, "incident_id": incident.id, "external_id": "charlies-own"}
    db.session.rollback()
    return ids


def test_every_route_of_the_api_is_declared(app):
    routed = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX)}

    assert routed == set(OPERATIONS)


@pytest.mark.parametrize("operation", [each for each in ALL if "<id:" in each.path], ids=name)
def test_charlie_gets_404(api, operation, things, charlie):
    token = make_key(charlie).token
    missing = {name: 999_999_999 if name != "external_id" else value for name, value in things.items()}

    foreign, absent = called(api, operation, token, things), called(api, operation, token, missing)

    assert_problem(foreign, 404, "not_found")
    plain = [reply.get_data(as_text=True).replace(reply.headers["X-Request-Id"], "") for reply in (foreign, absent)]
    assert plain[0] == plain[1]


def test_lists_hold_nothing_foreign(api, things, charlie):
    token = make_key(charlie).token

    assert api.get("/monitors", token).get_json()["data"] == []
    assert api.get("/incidents", token).get_json()["data"] == []
    assert api.get(f"/incidents?monitor_id={things['monitor_id']}", token).get_json()["data"] == []


@pytest.mark.parametrize("operation", [each for each in ALL if each.ability], ids=name)
def test_a_key_without_the_ability_is_refused(api, operation, things, alice):
    others = [ability for ability in Ability if ability is not operation.ability]

    problem = assert_problem(called(api, operation, make_key(alice, *others).token, things), 403, "ability_required")

    assert problem["required"] == operation.ability


@pytest.mark.parametrize(
    "operation",
    [each for each in ALL if each.ability and not Role.VIEWER.allows(each.ability)],
    ids=name,
)
def test_a_viewer_writes_nothing(api, operation, things, alice, bob):
    bob.membership(alice.team_id).role_name = Role.VIEWER.value
    db.session.commit()
    token = make_key(bob, team_id=alice.team_id).token

    problem = assert_problem(called(api, operation, token, things), 403, "role_required")

    assert problem["role"] == "viewer"


@pytest.mark.parametrize("operation", ALL, ids=name)
def test_nothing_works_on_free(api, operation, things, alice):
    token = make_key(alice).token
    alice.set_plan(Plan.FREE)

    assert_problem(called(api, operation, token, things), 403, "plan_required")


@pytest.mark.parametrize("operation", ALL, ids=name)
def test_nothing_works_without_a_token(api, operation, things):
    assert_problem(called(api, operation, None, things), 401, "token_missing")


@pytest.mark.parametrize("operation", [each for each in ALL if each.path != "/key"], ids=name)
def test_the_owner_may_with_the_one_ability(api, operation, things, alice):
    token = make_key(alice, operation.ability).token

    reply = called(api, operation, token, things)

    assert reply.status_code in (200, 201, 204), reply.get_data(as_text=True)
