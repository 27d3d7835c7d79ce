"""Every operation, for every permission, in every role, on every plan: held against tables written from the contract."""

from itertools import product

import pytest

from pulse.abilities import Ability
from pulse.api.limits import Hit, Limiter, Window
from pulse.api.operations import OPERATIONS
from pulse.extensions import db, services
from pulse.models.api_key import Issued
from pulse.models.monitor import Monitor
from pulse.plans import Plan
from pulse.roles import Role
from tests.apps import exchange
from tests.factories import Person, join, make_key, make_person
from tests.helpers import Api

NEEDED = {
    "GET /key": None,
    "DELETE /key": None,
    "POST /key/rotate": "key:rotate",
    "GET /monitors": "monitors:read",
    "POST /monitors": "monitors:write",
    "GET /monitors/{monitor_id}": "monitors:read",
    "PATCH /monitors/{monitor_id}": "monitors:write",
    "DELETE /monitors/{monitor_id}": "monitors:write",
    "PUT /monitors/external/{external_id}": "monitors:write",
    "POST /monitors/{monitor_id}/pause": "monitors:write",
    "POST /monitors/{monitor_id}/resume": "monitors:write",
    "POST /monitors/{monitor_id}/checks": "checks:run",
    "GET /monitors/{monitor_id}/checks": "checks:read",
    "GET /monitors/{monitor_id}/uptime": "checks:read",
    "GET /metrics": "checks:read",
    "GET /incidents": "incidents:read",
    "GET /incidents/{incident_id}": "incidents:read",
    "POST /incidents/{incident_id}/acknowledge": "incidents:write",
    "POST /incidents/{incident_id}/resolve": "incidents:write",
    "GET /alert-rules": "alerts:read",
    "POST /alert-rules": "alerts:write",
    "GET /alert-rules/{rule_id}": "alerts:read",
    "PATCH /alert-rules/{rule_id}": "alerts:write",
    "DELETE /alert-rules/{rule_id}": "alerts:write",
    "POST /alert-rules/{rule_id}/test": "alerts:write",
    "GET /channels": "alerts:read",
    "POST /channels": "alerts:write",
    "GET /channels/{channel_id}": "alerts:read",
    "PATCH /channels/{channel_id}": "alerts:write",
    "DELETE /channels/{channel_id}": "alerts:write",
    "POST /channels/{channel_id}/test": "alerts:write",
    "GET /projects": "projects:read",
    "POST /projects": "projects:write",
    "GET /projects/{project_id}": "projects:read",
    "PATCH /projects/{project_id}": "projects:write",
    "DELETE /projects/{project_id}": "projects:write",
    "GET /members": "team:read",
    "GET /members/{member_id}": "team:read",
    "PATCH /members/{member_id}": "team:write",
    "DELETE /members/{member_id}": "team:write",
    "GET /invitations": "team:read",
    "POST /invitations": "team:write",
    "GET /invitations/{invitation_id}": "team:read",
    "DELETE /invitations/{invitation_id}": "team:write",
}
"""The permission that each operation asks for; None where any key will do."""
READS = {"monitors:read", "checks:read", "incidents:read", "alerts:read", "projects:read", "team:read"}
WRITES = {"monitors:write", "checks:run", "incidents:write", "alerts:write", "projects:write"}
ALLOWED = {
    "viewer": READS | {"key:rotate"},
    "member": READS | WRITES | {"key:rotate"},
    "admin": READS | WRITES | {"key:rotate", "team:write"},
    "owner": READS | WRITES | {"key:rotate", "team:write"},
}
"""What each role lets a key do that holds the permission."""
WITH_API = {"free": False, "starter": True, "professional": True, "team": True}
LAST = {"POST /key/rotate": 1, "DELETE /key": 2}
"""What ends the token that the others are called with."""
DECIDED = {"plan_required", "ability_required", "role_required"}


class WideLimiter(Limiter):
    """One owner's requests in a minute are far more here than any plan allows; that limit has its own tests."""

    def hit_in_turn(self, *hits: Hit) -> Window:
        """Let each request through."""
        return Window(1, 1, 0)


def test_the_tables_name_all_there_is():
    assert set(NEEDED) == {f"{each.method} {each.address}" for each in OPERATIONS.values() if not each.public}
    assert READS | WRITES | {"team:write", "key:rotate"} == set(Ability)
    assert set(ALLOWED) == set(Role)
    assert set(WITH_API) == set(Plan)


def expected(needed: str | None, held: str, role: str, plan: str) -> str | None:
    """Return the code of the refusal; None where the request is let through to the view."""
    if not WITH_API[plan]:
        return "plan_required"
    if needed is None:
        return None
    if needed != held:
        return "ability_required"
    return None if needed in ALLOWED[role] else "role_required"


@pytest.fixture(scope="module")
def keys_of():
    """Return what makes a key for each permission, of somebody with a role in a team that is then put on a plan."""

    def make(app, role: str, plan: str) -> dict[str, Issued]:
        owner = make_person(app, f"Owner {role} {plan}", f"owner-{role}-{plan}@example.com", Plan.TEAM)
        who: Person = owner
        if role != "owner":
            who = join(make_person(app, f"Who {role} {plan}", f"who-{role}-{plan}@example.com"), owner.team, Role(role))
        keys = {each.value: make_key(who, each, name=each.value, team_id=owner.team_id) for each in Ability}
        owner.set_plan(Plan(plan))
        return keys

    return make


def decision(api: Api, operation: str, token: str) -> tuple[str | None, int]:
    """Call an operation on what does not exist, with a body that makes nothing; return what the hook decided, and the status."""
    method, _, address = operation.partition(" ")
    path = "/".join("999999999" if part.startswith("{") else part for part in address.split("/"))
    body = {"json": {}} if method in ("PUT", "PATCH") or address in ("/monitors", "/projects", "/invitations") else {}
    reply = api.call(method, path, token, **(body if method != "GET" else {}))
    code = reply.get_json(force=True).get("code") if reply.mimetype == "application/problem+json" else None
    return code if code in DECIDED else None, reply.status_code


@pytest.mark.parametrize(("role", "plan"), [*product(ALLOWED, WITH_API)])
def test_the_decision_is_that_of_the_table(app, api, keys_of, role, plan):
    exchange(app, limiter=WideLimiter(services().settings))
    wrong: dict[str, str] = {}
    for held, issued in keys_of(app, role, plan).items():
        token = issued.token
        for operation in sorted(NEEDED, key=lambda each: (LAST.get(each, 0), each)):
            code, status = decision(api, operation, token)
            wanted = expected(NEEDED[operation], held, role, plan)
            if code != wanted or status in (401, 429) or status >= 500:
                wrong[f"{operation} with {held}"] = f"{status} {code}, not {wanted}"
            if operation == "POST /key/rotate" and status == 200:
                break  # its token is dead; that any key may end itself is told by the others
    db.session.rollback()
    assert wrong == {}
    assert db.session.query(Monitor).all() == []
