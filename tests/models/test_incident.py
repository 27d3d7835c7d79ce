"""Incidents: opened by a rule, once, and ended by itself or by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from pulse.extensions import db
from pulse.models.alert_rule import AlertRule
from pulse.models.channel import Channel
from pulse.models.delivery import Delivery
from pulse.models.event import Event
from pulse.models.incident import Incident, IncidentStatus
from pulse.models.recording import record
from pulse.models.refusals import Conflict, Invalid
from tests.monitors import BAD, GOOD, check, claimed, make_monitor, scheduled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def incidents(person) -> list[Incident]:
    return list(db.session.scalars(Incident.of(person.team_id).execution_options(populate_existing=True)))


def told() -> list[tuple[str, str]]:
    query = select(Delivery).order_by(Delivery.id)
    return [(each.event, json.loads(each.payload)["incident"]["title"]) for each in db.session.scalars(query)]


def rule(person) -> AlertRule:
    return db.session.scalars(AlertRule.of(person.team_id)).one()


def open_incident(person, **fields) -> Incident:
    check(make_monitor(person, **fields), BAD, BAD)
    return incidents(person)[0]


def test_one_failed_check_is_no_incident(alice):
    check(make_monitor(alice), BAD, GOOD, BAD)

    assert incidents(alice) == []


def test_two_failed_checks_in_a_row_open_an_incident(alice):
    monitor = make_monitor(alice, name="Shop")

    check(monitor, BAD, BAD, at=NOON)

    (incident,) = incidents(alice)
    assert (incident.title, incident.severity, incident.status) == ("Shop is down", "critical", "open")
    assert (incident.monitor_id, incident.alert_rule_id) == (monitor.id, rule(alice).id)
    assert incident.started_at == NOON + timedelta(milliseconds=1)


def test_scheduled_and_manual_checks_are_judged_together(alice):
    monitor = make_monitor(alice)
    check(monitor, BAD)

    record(db.session, [scheduled(claimed(monitor), BAD)])

    assert len(incidents(alice)) == 1


def test_a_monitor_that_stays_down_has_one_incident(alice):
    check(make_monitor(alice), *[BAD] * 6)

    assert len(incidents(alice)) == 1
    assert len(told()) == 1


def test_two_good_checks_in_a_row_resolve_it(alice):
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD, GOOD, BAD, GOOD)
    still = incidents(alice)[0].status

    check(monitor, GOOD, at=datetime.now(UTC) + timedelta(seconds=90))

    (incident,) = incidents(alice)
    assert (still, incident.status, incident.resolved_by) == ("open", "resolved", None)
    assert incident.duration_seconds >= 89


def test_trouble_that_comes_back_is_another_incident(alice):
    check(make_monitor(alice), BAD, BAD, GOOD, GOOD, BAD, BAD)

    assert [each.status for each in incidents(alice)] == ["open", "resolved"]


def test_monitors_have_incidents_of_their_own(alice):
    first, second = make_monitor(alice, name="A"), make_monitor(alice, name="B")
    check(first, BAD, BAD)
    check(second, BAD, BAD)

    check(first, GOOD, GOOD)

    assert [(each.title, each.status) for each in incidents(alice)] == [("B is down", "open"), ("A is down", "resolved")]


def test_a_rule_that_is_not_active_opens_nothing(alice):
    rule(alice).active = False

    check(make_monitor(alice), BAD, BAD, BAD)

    assert incidents(alice) == []


def test_the_rule_decides_how_many_checks_it_takes(alice):
    rule(alice).value, rule(alice).resolve_after = 3, 1
    monitor = make_monitor(alice)

    check(monitor, BAD, BAD)
    before = incidents(alice)
    check(monitor, BAD, GOOD)

    assert before == []
    assert incidents(alice)[0].status == "resolved"


def test_an_incident_whose_rule_is_gone_still_resolves(alice):
    incident = open_incident(alice)
    db.session.delete(rule(alice))
    db.session.commit()

    check(incident.monitor, GOOD, GOOD)

    assert incidents(alice)[0].status == "resolved"


def test_the_database_holds_a_rule_to_one_unresolved_incident_of_a_monitor(alice):
    incident = open_incident(alice)
    db.session.add(
        Incident(
            team_id=alice.team_id,
            monitor_id=incident.monitor_id,
            alert_rule_id=incident.alert_rule_id,
            title="Twin",
            severity="low",
            started_at=NOON,
        )
    )

    with pytest.raises(IntegrityError):
        db.session.flush()
    db.session.rollback()


def test_both_ends_are_told_to_the_rules_channels(alice, bob):
    check(make_monitor(alice, name="Shop"), BAD, BAD, GOOD, GOOD)

    assert told() == [("incident.created", "Shop is down"), ("incident.resolved", "Shop is down")]
    (channel,) = db.session.scalars(Channel.of(alice.team_id))
    assert {each.channel_id for each in db.session.scalars(select(Delivery))} == {channel.id}
    payload = json.loads(db.session.scalars(select(Delivery.payload).order_by(Delivery.id)).all()[0])
    assert set(payload) == {"event", "triggered_at", "incident", "monitor", "check", "team"}
    assert (payload["check"]["error"], payload["incident"]["alert_rule"]) == ("unexpected_status", "Monitor down")
    assert (payload["monitor"]["state"], payload["team"]["name"]) == ("down", alice.team.name)


def test_acknowledging_is_silent_and_harmless_when_done_twice(alice, bob):
    incident = open_incident(alice)

    incident.acknowledge(db.session, bob.actor)
    first = incident.acknowledged_at
    incident.acknowledge(db.session, alice.actor)

    assert (incident.status, incident.acknowledged_at, incident.acknowledged_by) == ("acknowledged", first, bob.user_id)
    assert len(told()) == 1


def test_an_acknowledged_incident_still_resolves_by_itself(alice):
    incident = open_incident(alice)
    incident.acknowledge(db.session, alice.actor)

    check(incident.monitor, GOOD, GOOD)

    assert incidents(alice)[0].status == "resolved"


def test_resolving_by_hand_keeps_the_cause_and_tells(alice):
    incident = open_incident(alice, name="Shop")

    incident.resolve(db.session, alice.actor, "  A full disk.  ")

    assert (incident.status, incident.root_cause, incident.resolved_by) == ("resolved", "A full disk.", alice.user_id)
    assert told()[-1] == ("incident.resolved", "Shop is down")


def test_what_is_resolved_can_be_neither_resolved_nor_acknowledged(alice):
    incident = open_incident(alice)
    incident.resolve(db.session, alice.actor)

    for act in (incident.resolve, incident.acknowledge):
        with pytest.raises(Conflict):
            act(db.session, alice.actor)

    assert len(told()) == 2


@pytest.mark.parametrize("cause", ["x" * 2001, "a\0b", "\ud800"])
def test_a_root_cause_that_cannot_be_stored_is_refused(alice, cause):
    incident = open_incident(alice)

    with pytest.raises(Invalid) as refused:
        incident.resolve(db.session, alice.actor, cause)

    assert refused.value.field == "root_cause"
    assert incident.status == "open"


def test_what_was_resolved_too_early_opens_again_only_after_as_many_failures(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        incident = open_incident(alice)
        incident.resolve(db.session, alice.actor)
        db.session.commit()
        clock.shift(timedelta(minutes=1))
        check(incident.monitor, BAD)
        after_one = len(incidents(alice))
        clock.shift(timedelta(minutes=1))
        check(incident.monitor, BAD)

    assert after_one == 1
    assert [each.status for each in incidents(alice)] == ["open", "resolved"]


def test_pausing_leaves_an_open_incident_open(alice):
    incident = open_incident(alice)

    incident.monitor.pause(db.session, alice.actor)
    db.session.commit()

    assert incidents(alice)[0].status == "open"


def test_another_teams_incident_is_not_found(alice, charlie):
    incident = open_incident(alice)

    assert Incident.find(db.session, alice.team_id, incident.id) is incident
    assert Incident.find(db.session, charlie.team_id, incident.id) is None
    assert incidents(charlie) == []


def test_incidents_are_filtered(alice):
    first = open_incident(alice, name="A")
    second = open_incident(alice, name="B")
    second.acknowledge(db.session, alice.actor)
    third = open_incident(alice, name="C")
    third.resolve(db.session, alice.actor)

    def found(**filters) -> list[int]:
        return [each.id for each in db.session.scalars(Incident.of(alice.team_id, **filters))]

    assert [found(status=each) for each in IncidentStatus] == [[first.id], [second.id], [third.id]]
    assert found(severity="critical") == [third.id, second.id, first.id]
    assert found(severity="low") == []
    assert found(monitor_id=second.monitor_id) == [second.id]
    assert found(since=third.started_at)[0] == third.id
    assert found(until=first.started_at) == []


def test_the_trail_tells_who_saw_to_an_incident(alice):
    incident = open_incident(alice)
    incident.acknowledge(db.session, alice.actor)
    incident.resolve(db.session, alice.actor)

    actions = db.session.scalars(select(Event.action).where(Event.action.like("incident.%")).order_by(Event.id)).all()

    assert actions == ["incident.acknowledged", "incident.resolved"]
