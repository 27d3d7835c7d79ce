"""Alert rules: their fields, what each condition makes of checks, and when an incident is opened again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pulse.extensions import db
from pulse.models.alert_rule import MOST, AlertRule
from pulse.models.event import Event
from pulse.models.incident import Incident
from pulse.models.refusals import Faults, LimitReached
from pulse.probe import Outcome
from tests.alerts import make_channel, make_rule, only_rule
from tests.monitors import BAD, GOOD, check, make_monitor

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUICK = replace(GOOD, response_time_ms=1)
SLOW = replace(GOOD, response_time_ms=900)
TEAPOT = replace(BAD, http_status_code=418)


def incidents(person) -> list[Incident]:
    return list(db.session.scalars(Incident.of(person.team_id).execution_options(populate_existing=True)))


def titles(person) -> list[str]:
    return [each.title for each in incidents(person)][::-1]


def ending_in(days: float, at: datetime = NOON) -> Outcome:
    return replace(GOOD, certificate_expires_at=at + timedelta(days=days))


@pytest.mark.parametrize(
    ("fields", "quiet", "loud", "title"),
    [
        ({"condition": "status_code", "operator": "eq", "value": 418}, [BAD, GOOD], TEAPOT, "Shop answers 418"),
        ({"condition": "status_code", "operator": "gte", "value": 500}, [TEAPOT, GOOD], BAD, "Shop answers 503"),
        ({"condition": "response_time", "value": 500}, [GOOD, GOOD], SLOW, "Shop answers in 900 ms"),
        (
            {"condition": "response_time", "operator": "lt", "value": 5},
            [SLOW],
            replace(GOOD, response_time_ms=1),
            "Shop answers in 1 ms",
        ),
        ({"condition": "tls_expiry", "value": 14}, [ending_in(15)], ending_in(13.5), "Shop: certificate expires in 13 days"),
        ({"condition": "tls_expiry", "value": 14}, [GOOD], ending_in(-1), "Shop: certificate has expired"),
        ({"condition": "check_failed", "value": 1}, [GOOD], BAD, "Shop is down"),
    ],
)
def test_each_condition_opens_an_incident(alice, fields, quiet, loud, title):
    monitor = make_monitor(alice, name="Shop")
    only_rule(alice, **fields)

    check(monitor, *quiet, at=NOON)
    before = titles(alice)
    check(monitor, loud, at=NOON + timedelta(minutes=1))

    assert (before, titles(alice)) == ([], [title])


def test_an_uptime_that_falls_opens_an_incident(alice):
    monitor = make_monitor(alice, name="Shop")
    only_rule(alice, condition="uptime", operator="lt", value=99.5, window="24h")

    check(monitor, *[GOOD] * 99, at=NOON)
    before = titles(alice)
    check(monitor, BAD, at=NOON + timedelta(minutes=2))

    assert (before, titles(alice)) == ([], ["Shop: uptime of 24 hours is 99.00%"])


def test_an_uptime_reaches_back_as_far_as_its_window(alice):
    monitor = make_monitor(alice, name="Shop")
    rule = only_rule(alice, condition="uptime", value=99, window="1h", active=False)
    check(monitor, *[BAD] * 5, at=NOON - timedelta(hours=2))
    rule.change(db.session, {"active": True}, alice.actor)
    db.session.commit()

    check(monitor, GOOD, at=NOON)

    assert titles(alice) == []


def test_what_is_not_known_neither_opens_nor_ends(alice):
    monitor = make_monitor(alice)
    only_rule(alice, condition="response_time", value=500, resolve_after=1)
    timeout = replace(BAD, response_time_ms=None, http_status_code=None)

    check(monitor, SLOW, timeout, timeout, at=NOON)
    still = incidents(alice)[0].status
    check(monitor, GOOD, at=NOON + timedelta(minutes=1))

    assert (still, incidents(alice)[0].status) == ("open", "resolved")


def test_good_checks_in_a_row_end_an_incident_of_any_condition(alice):
    monitor = make_monitor(alice)
    only_rule(alice, condition="response_time", value=500, resolve_after=3)

    check(monitor, SLOW, GOOD, GOOD, SLOW, GOOD, GOOD, at=NOON)
    still = incidents(alice)[0].status
    check(monitor, GOOD, at=NOON + timedelta(minutes=1))

    assert (still, [each.status for each in incidents(alice)]) == ("open", ["resolved"])


def test_a_rule_for_chosen_monitors_leaves_the_others_alone(alice):
    chosen, other = make_monitor(alice, name="Chosen"), make_monitor(alice, name="Other")
    only_rule(alice, monitor_ids=[chosen.id])

    check(chosen, BAD)
    check(other, BAD)

    assert titles(alice) == ["Chosen is down"]


def test_a_rule_whose_monitors_are_all_gone_holds_for_none(alice):
    gone, other = make_monitor(alice), make_monitor(alice)
    rule = only_rule(alice, monitor_ids=[gone.id])
    gone.delete(db.session, alice.actor)
    db.session.commit()

    check(other, BAD)

    assert titles(alice) == []
    assert rule.monitor_ids == []


def test_during_the_cooldown_no_other_incident_is_opened(alice):
    monitor = make_monitor(alice)
    only_rule(alice, cooldown_minutes=30, resolve_after=1)

    check(monitor, BAD, GOOD, at=NOON)
    check(monitor, BAD, GOOD, at=NOON + timedelta(minutes=29))
    within = len(incidents(alice))
    check(monitor, BAD, at=NOON + timedelta(minutes=31))

    assert (within, len(incidents(alice))) == (1, 2)


def test_a_cooldown_is_of_one_rule_and_monitor(alice):
    one, other = make_monitor(alice, name="One"), make_monitor(alice, name="Other")
    only_rule(alice, cooldown_minutes=30)

    check(one, BAD, at=NOON)
    check(other, BAD, at=NOON + timedelta(minutes=1))

    assert titles(alice) == ["One is down", "Other is down"]


@pytest.mark.parametrize("gone", [False, True], ids=["who resolved it is there", "who resolved it has left"])
def test_an_expiring_certificate_that_was_seen_to_is_not_told_again_before_a_day(alice, gone):
    monitor = make_monitor(alice)
    only_rule(alice, condition="tls_expiry", value=30)
    check(monitor, ending_in(20), at=NOON)
    incidents(alice)[0].resolve(db.session, alice.actor)
    if gone:
        incidents(alice)[0].resolved_by = None
    db.session.commit()
    ended = incidents(alice)[0].resolved_at or NOON

    check(monitor, GOOD, at=ended + timedelta(hours=23))
    within = len(incidents(alice))
    check(monitor, GOOD, at=ended + timedelta(hours=25))

    assert (within, len(incidents(alice))) == (1, 2)


def test_several_rules_open_incidents_of_their_own(alice):
    monitor = make_monitor(alice)
    make_rule(alice, name="Any failure", priority="low")
    make_rule(alice, name="Server error", condition="status_code", operator="gte", value=500, priority="medium")

    check(monitor, BAD, BAD)

    assert sorted(each.severity for each in incidents(alice)) == ["critical", "low", "medium"]


def test_an_incident_whose_rule_is_switched_off_still_ends(alice):
    monitor = make_monitor(alice)
    rule = only_rule(alice, condition="status_code", operator="eq", value=503, resolve_after=2)
    check(monitor, BAD, at=NOON)
    rule.change(db.session, {"active": False}, alice.actor)
    db.session.commit()

    check(monitor, TEAPOT, TEAPOT, at=NOON + timedelta(minutes=1))

    assert [each.status for each in incidents(alice)] == ["resolved"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"condition": "mood"}, "condition"),
        ({"operator": "gt"}, "operator"),
        ({"condition": "uptime", "operator": "gt", "value": 99}, "operator"),
        ({"value": 0}, "value"),
        ({"value": 1.5}, "value"),
        ({"value": None}, "value"),
        ({"condition": "status_code", "value": 99}, "value"),
        ({"condition": "uptime", "value": 100.01}, "value"),
        ({"condition": "tls_expiry", "value": 366}, "value"),
        ({"window": "24h"}, "window"),
        ({"condition": "uptime", "value": 99, "window": "2h"}, "window"),
        ({"monitor_ids": []}, "monitor_ids"),
        ({"monitor_ids": [2**40]}, "monitor_ids"),
        ({"channel_ids": [2**40]}, "channel_ids"),
        ({"cooldown_minutes": -1}, "cooldown_minutes"),
        ({"cooldown_minutes": 10081}, "cooldown_minutes"),
        ({"priority": "urgent"}, "priority"),
        ({"resolve_after": 0}, "resolve_after"),
    ],
)
def test_what_a_rule_cannot_be_is_refused_at_its_field(alice, fields, field):
    with pytest.raises(Faults) as refused:
        make_rule(alice, **fields)

    assert [fault.field for fault in refused.value.faults] == [field]


def test_another_teams_monitors_and_channels_cannot_be_chosen(alice, charlie):
    monitor, channel = make_monitor(charlie), make_channel(charlie).channel

    with pytest.raises(Faults) as refused:
        make_rule(alice, monitor_ids=[monitor.id], channel_ids=[channel.id])

    assert [fault.field for fault in refused.value.faults] == ["monitor_ids", "channel_ids"]


def test_all_faults_are_told_at_once(alice):
    with pytest.raises(Faults) as refused:
        make_rule(alice, name="", value=0, priority="urgent", monitor_ids=[])

    assert {fault.field for fault in refused.value.faults} == {"name", "value", "priority", "monitor_ids"}


def test_a_change_keeps_what_is_absent(alice):
    monitor, channel = make_monitor(alice), make_channel(alice).channel
    rule = make_rule(alice, monitor_ids=[monitor.id], channel_ids=[channel.id], cooldown_minutes=5, description="Why")

    rule.change(db.session, {"value": 3}, alice.actor)

    assert rule.fields == rule.fields | {"value": 3, "monitor_ids": [monitor.id], "channel_ids": [channel.id]}
    assert (rule.cooldown_minutes, rule.description) == (5, "Why")


def test_a_new_condition_keeps_nothing_of_the_old_ones_comparison(alice):
    rule = make_rule(alice, condition="uptime", value=99, window="7d")

    rule.change(db.session, {"condition": "response_time", "value": 800}, alice.actor)

    assert (rule.operator, rule.value, rule.window) == ("gt", 800, None)


def test_the_same_once_more_is_no_change(alice):
    rule = make_rule(alice)

    rule.change(db.session, rule.fields, alice.actor)

    actions = [each.action for each in db.session.query(Event) if each.action.startswith("alert_rule")]
    assert actions == ["alert_rule.created"]


def test_a_team_has_a_bounded_number_of_rules(alice, monkeypatch):
    monkeypatch.setattr("pulse.models.alert_rule.MOST", 2)
    make_rule(alice)

    with pytest.raises(LimitReached):
        make_rule(alice)

    assert MOST == 100


def test_another_teams_rule_is_not_found(alice, charlie):
    rule = make_rule(charlie)

    assert AlertRule.find(db.session, alice.team_id, rule.id) is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"value": None}, ["condition", "value"]),
        ({"operator": "like", "window": "1y", "priority": "huge"}, ["condition", "priority", "operator", "window"]),
        ({"condition": "uptime", "operator": "gt", "value": None}, ["operator", "value"]),
    ],
)
def test_all_that_is_wrong_with_a_rule_is_told_at_once(alice, fields, wrong):
    with pytest.raises(Faults) as caught:
        make_rule(alice, **{"condition": "foo", "value": 1} | fields)

    assert [each.field for each in caught.value.faults] == wrong
