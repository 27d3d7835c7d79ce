"""Incidents over the API."""

import pytest

from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, GOOD, check, make_monitor


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.fixture
def incident(api, token, alice):
    """An incident that two failed checks have opened."""
    check(make_monitor(alice), BAD, BAD)
    return api.get("/incidents", token).get_json()["data"][0]


def test_two_failed_checks_open_an_incident_and_two_good_ones_resolve_it(api, token, alice):
    monitor = make_monitor(alice)

    check(monitor, BAD)
    assert api.get("/incidents", token).get_json()["data"] == []
    check(monitor, BAD)
    opened = api.get("/incidents", token).get_json()["data"][0]
    check(monitor, GOOD, GOOD)
    resolved = api.get(f"/incidents/{opened['id']}", token).get_json()

    assert (opened["status"], opened["severity"], opened["monitor_id"]) == ("open", "critical", monitor.id)
    assert (resolved["status"], resolved["resolved_at"] is not None) == ("resolved", True)
    assert resolved["duration_seconds"] >= 0


def test_an_incident_is_acknowledged_once_and_for_all(api, token, incident):
    path = f"/incidents/{incident['id']}/acknowledge"

    first, second = api.post(path, token).get_json(), api.post(path, token).get_json()

    assert first["status"] == "acknowledged"
    assert second["acknowledged_at"] == first["acknowledged_at"]


@pytest.mark.parametrize("body", [None, {}, {"root_cause": None}, {"root_cause": "Disk full"}])
def test_an_incident_is_resolved_by_hand(api, token, incident, body):
    options = {} if body is None else {"json": body}

    told = api.post(f"/incidents/{incident['id']}/resolve", token, **options).get_json()

    assert told["status"] == "resolved"
    assert told["root_cause"] == (body or {}).get("root_cause")


def test_a_resolved_incident_stays_so(api, token, incident):
    api.post(f"/incidents/{incident['id']}/resolve", token)

    for act in ("resolve", "acknowledge"):
        assert_problem(api.post(f"/incidents/{incident['id']}/{act}", token), 409, "conflict")


@pytest.mark.parametrize("cause", ["x" * 2001, "a\x00b", 7, ["x"]])
def test_a_root_cause_that_cannot_be_kept_is_refused(api, token, incident, cause):
    reply = api.post(f"/incidents/{incident['id']}/resolve", token, json={"root_cause": cause})

    assert_problem(reply, 422, "validation_failed")


def test_incidents_are_filtered(api, token, incident):
    def count(query):
        return len(api.get(f"/incidents?{query}", token).get_json()["data"])

    assert count("status=open") == 1
    assert count("status=resolved") == 0
    assert count("severity=critical") == 1
    assert count("severity=low") == 0
    assert count(f"monitor_id={incident['monitor_id']}") == 1
    assert count("monitor_id=999999") == 0
    assert_problem(api.get("/incidents?severity=dire", token), 422, "validation_failed")
