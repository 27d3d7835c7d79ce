"""Who may do what, told by the operations themselves: every route, every ability, every role, every plan."""

import pytest

from pulse.abilities import Ability
from pulse.api.operations import OPERATIONS
from pulse.extensions import db
from pulse.models.check import Check
from pulse.models.event import Event
from pulse.models.incident import Incident
from pulse.models.invitation import Invitation
from pulse.models.project import Project
from pulse.plans import Plan
from pulse.roles import Role
from pulse.routing import API
from tests.alerts import make_channel, make_rule
from tests.factories import join, make_key, make_person
from tests.helpers import assert_problem
from tests.monitors import BAD, check, make_monitor
from tests.teams import invite


def name(operation):
    return f"{operation.method} {operation.path}"


ALL = sorted((each for each in OPERATIONS.values() if not each.public), key=lambda each: (each.path, each.method))
BODIES = {
    "name": "X",
    "url": "https://example.com",
    "email": "new@example.com",
    "role": "viewer",
    "condition": "check_failed",
    "value": 3,
    "type": "email",
    "target": "owner",
}


def called(api, operation, token, ids):
    """Call an operation with the ids that its path asks for."""
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"<id:{name}>", str(value)).replace(f"<{name}>", str(value))
    assert "<" not in path, path
    body = {field: BODIES[field] for field in operation.body.model_fields if field in BODIES} if operation.body else None
    return api.call(operation.method, path, token, **({} if body is None else {"json": body}))


@pytest.fixture
def things(app, alice):
    """The ids of one of each of Alice's things."""
    monitor = make_monitor(alice, external_id="alices")
    check(monitor, BAD, BAD)
    incident = db.session.query(Incident).one()
    project = Project.create(db.session, alice.team_id, "Europe", alice.actor)
    db.session.commit()
    erin = join(make_person(app, "Erin", "erin@example.com"), alice.team)
    invite(alice, "frank@example.com")
    members = {"member_id": erin.membership(alice.team_id).id, "invitation_id": db.session.query(Invitation).one().id}
    ids = members | {
        "monitor_id": monitor.id,
        "incident_id": incident.id,
        "project_id": project.id,
        "rule_id": make_rule(alice).id,
        "channel_id": make_channel(alice).channel.id,
        "external_id": "charlies-own",
    }
    db.session.rollback()
    return ids


def test_every_route_of_the_api_is_declared(app):
    routed = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith(API)}

    assert routed == set(OPERATIONS)


@pytest.mark.parametrize("stranger", ["charlie", "dana"])
@pytest.mark.parametrize("operation", [each for each in ALL if "<id:" in each.path], ids=name)
def test_a_stranger_gets_404_and_support_is_one_here(api, operation, things, stranger, request):
    token = make_key(request.getfixturevalue(stranger)).token
    missing = dict.fromkeys(things, 999999999)
    before = everything()

    foreign, absent = called(api, operation, token, things), called(api, operation, token, missing)

    assert_problem(foreign, 404, "not_found")
    assert exactly(foreign) == exactly(absent)
    assert everything() == before


def everything():
    """How many acts and checks there are."""
    db.session.rollback()
    return db.session.query(Event).count(), db.session.query(Check).count()


def exactly(reply):
    """A reply to the byte, but for what tells one request from the next."""
    own = reply.headers["X-Request-Id"]
    passing = ("X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    headers = [each for each in reply.headers.items() if each[0] not in passing]
    return reply.get_data(as_text=True).replace(own, ""), headers


@pytest.mark.parametrize("path", sorted({each.path for each in ALL if each.method == "GET" and "<id:" in each.path}))
def test_head_tells_a_stranger_no_more_than_get(api, path, things, charlie):
    for field, value in things.items():
        path = path.replace(f"<id:{field}>", str(value))

    assert api.call("HEAD", path, make_key(charlie).token).status_code == 404


def test_lists_hold_nothing_foreign(api, things, charlie):
    token = make_key(charlie).token

    assert api.get("/monitors", token).get_json()["data"] == []
    assert api.get("/incidents", token).get_json()["data"] == []
    assert [each["name"] for each in api.get("/projects", token).get_json()["data"]] == ["Default"]
    assert [each["user"]["name"] for each in api.get("/members", token).get_json()["data"]] == ["Charlie"]
    assert api.get("/invitations", token).get_json()["data"] == []
    assert [each["name"] for each in api.get("/alert-rules", token).get_json()["data"]] == ["Monitor down"]
    assert [each["name"] for each in api.get("/channels", token).get_json()["data"]] == ["Owner"]
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

    assert reply.status_code in (200, 201, 202, 204), reply.get_data(as_text=True)
