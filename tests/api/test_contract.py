"""The document against the service, by machine: what is generated from it is answered as it says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from pulse.abilities import Ability
from pulse.api.openapi import document
from pulse.api.operations import OPERATIONS
from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.invitation import Invitation
from pulse.models.project import Project
from pulse.plans import Plan
from tests.alerts import make_channel, make_rule
from tests.factories import Person, make_key
from tests.monitors import BAD, check, make_monitor
from tests.teams import invite

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(document("http://localhost:8000"))
SPARED = {("DELETE", "/key"), ("POST", "/key/rotate")}
"""These end the key that all the others are called with."""
ASKED = sorted(each.name for each in OPERATIONS.values() if (each.method, each.path) not in SPARED)
MODEST = settings(max_examples=15, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture
def ids(alice):
    """What there is, by the name of its place in a path."""
    alice.set_plan(Plan.TEAM)
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    found = {
        "monitor_id": monitor.id,
        "incident_id": db.session.scalar(select(Incident.id)),
        "project_id": db.session.scalar(select(Project.id).where(Project.team_id == alice.team_id)),
        "member_id": alice.membership().id,
        "rule_id": make_rule(alice).id,
        "channel_id": make_channel(alice).channel.id,
        "external_id": "shop",
        "invitation_id": invitation_id(alice),
    }
    db.session.rollback()
    return found


def invitation_id(by: Person) -> int:
    """Invite somebody; return the invitation's id."""
    invite(by, "guest@example.com")
    return db.session.scalars(select(Invitation.id)).one()


def assert_answered(app, name, token, ids):
    (operation,) = [each for each in OPERATIONS.values() if each.name == name]

    @given(case=SCHEMA[operation.address][operation.method].as_strategy(), real=st.booleans())
    @MODEST
    def is_answered(case, real):
        for place in case.path_parameters or {}:
            if real and place in ids:
                case.path_parameters[place] = ids[place]
        # Called without a server in between, the tool decompresses nothing.
        response = case.call(app=app, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
        case.validate_response(response, checks=CHECKS)

    is_answered()


@pytest.mark.parametrize("name", ASKED)
def test_what_is_generated_is_answered_as_documented(app, alice, ids, name):
    token = make_key(alice).token
    db.session.rollback()

    assert_answered(app, name, token, ids)


@pytest.mark.parametrize("name", ASKED)
def test_a_strangers_key_is_answered_as_documented_too(app, charlie, ids, name):
    token = make_key(charlie, *Ability).token
    db.session.rollback()

    assert_answered(app, name, token, ids)
