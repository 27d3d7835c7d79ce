"""Monitors: what their fields may be, what is never shown again, and when they are due."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db, services
from pulse.models.alert_rule import AlertRule
from pulse.models.claim import claim
from pulse.models.event import OPERATOR, Event
from pulse.models.grid import next_slot
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.project import Project
from pulse.models.refusals import Conflict, Faults, LimitReached
from pulse.models.team import Team
from pulse.plans import Plan
from pulse.probe import BasicAuth, BearerAuth
from tests.factories import make_person
from tests.monitors import BAD, GOOD, assert_next_slot, change, check, claimed, make_monitor

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def faults(person, **fields) -> dict[str | None, str]:
    with pytest.raises(Faults) as refused:
        make_monitor(person, **fields)
    db.session.rollback()
    assert Monitor.count(db.session, person.team_id) == 0
    return {fault.field: str(fault) for fault in refused.value.faults}


def refused(monitor, person, **fields) -> dict[str | None, str]:
    with pytest.raises(Faults) as refusal:
        change(monitor, person, **fields)
    db.session.rollback()
    return {fault.field: str(fault) for fault in refusal.value.faults}


def test_a_new_team_has_a_project_and_a_rule(alice):
    project = Project.default_of(db.session, alice.team_id)
    rule = db.session.scalars(AlertRule.of(alice.team_id)).one()

    assert project.name == "Default"
    assert (rule.name, rule.condition, rule.value, rule.resolve_after, rule.priority, rule.active) == (
        "Monitor down",
        "check_failed",
        2,
        2,
        "critical",
        True,
    )


def test_all_faults_are_told_at_once(alice):
    told = faults(
        alice,
        name="",
        url="ftp://example.com",
        method="BREW",
        project_id=10**17,
        interval_seconds=5,
        timeout_seconds=61,
        expected_status=199,
        headers={"Host": "other"},
        body="x" * 65537,
        auth={"type": "basic", "username": "alice"},
        external_id="not this one",
    )

    assert told.keys() == {
        "name",
        "url",
        "method",
        "project_id",
        "interval_seconds",
        "timeout_seconds",
        "expected_status",
        "headers",
        "body",
        "auth",
        "external_id",
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "https://user:secret@example.com/",
        "http://10.0.0.1/",
        "http://0xa9fea9fe/",
        "http://[fc00::1]/",
    ],
)
def test_a_url_that_may_not_be_contacted_is_refused(alice, url):
    assert faults(alice, url=url).keys() == {"url"}


@pytest.mark.parametrize("seconds", [5, 10, 16, 0, -60, 10**12])
def test_an_interval_must_be_one_that_the_plan_offers(alice, seconds):
    assert faults(alice, interval_seconds=seconds).keys() == {"interval_seconds"}


@pytest.mark.parametrize("body", ["\ud800", "é" * 32769])
def test_a_body_must_be_sendable_and_small(alice, body):
    assert faults(alice, method="POST", body=body).keys() == {"body"}


def test_a_body_needs_a_method_that_sends_one(alice):
    assert faults(alice, body="hello").keys() == {"body"}


def test_another_teams_project_is_not_found(alice, charlie):
    theirs = Project.default_of(db.session, charlie.team_id)

    assert faults(alice, project_id=theirs.id).keys() == {"project_id"}


def test_a_monitor_needs_only_a_name_and_a_url(alice):
    monitor = make_monitor(alice, name="  Shop ", url="HTTPS://Shop.Example.com:443")

    assert (monitor.name, monitor.url, monitor.method) == ("Shop", "https://shop.example.com/", "GET")
    assert (monitor.interval_seconds, monitor.timeout_seconds, monitor.expected_status) == (60, 30, 200)
    assert (monitor.verify_tls, monitor.header_names, monitor.has_body, monitor.auth_type) == (True, [], False, "none")
    assert (monitor.state, monitor.last_check, monitor.next_check_at) == ("pending", None, monitor.created_at)
    assert monitor.project.is_default


def test_what_is_secret_is_sent_but_stored_unreadable(alice):
    monitor = make_monitor(
        alice,
        method="POST",
        headers={"X-Token": "header-secret"},
        body="body-secret",
        auth={"type": "basic", "username": "alice", "password": "auth-secret"},
    )

    row = " ".join(map(str, db.session.execute(select(*Monitor.__table__.columns)).one()))
    request = monitor.request(services().vault)

    assert "secret" not in row
    assert (request.headers, request.body) == ({"X-Token": "header-secret"}, b"body-secret")
    assert request.auth == BasicAuth("alice", "auth-secret")
    assert (monitor.header_names, monitor.has_body, monitor.auth_type) == (["X-Token"], True, "basic")


def test_what_is_absent_keeps_and_what_is_null_or_empty_clears(alice):
    monitor = make_monitor(
        alice, method="POST", headers={"X-A": "1"}, body="b", auth={"type": "bearer", "token": "t"}, timeout_seconds=5
    )

    change(monitor, alice, name="Till")
    kept = monitor.request(services().vault)
    change(monitor, alice, headers={}, body=None, auth={}, timeout_seconds=None)
    cleared = monitor.request(services().vault)

    assert (kept.headers, kept.body, kept.auth, kept.timeout) == ({"X-A": "1"}, b"b", BearerAuth("t"), 5)
    assert (cleared.headers, cleared.body, cleared.auth, cleared.timeout) == ({}, None, None, 30)
    assert (monitor.name, monitor.method) == ("Till", "POST")


def test_a_name_cannot_be_cleared(alice):
    monitor = make_monitor(alice)

    with pytest.raises(Faults):
        change(monitor, alice, name=None)


def test_a_method_that_sends_no_body_deletes_none_unasked(alice):
    monitor = make_monitor(alice, method="PUT", body="b")

    assert refused(monitor, alice, method="GET").keys() == {"body"}
    assert monitor.has_body
    change(monitor, alice, method="GET", body=None)
    assert (monitor.method, monitor.has_body) == ("GET", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "https://shop.example.com:8443/",
        "https://thief.example.com/",
        "https://shop.example.com.thief.example/",
    ],
)
def test_what_is_write_only_does_not_follow_the_url_to_another_server(alice, url):
    secrets = {"headers": {"X-Key": "1"}, "body": "b", "auth": {"type": "bearer", "token": "t"}}
    monitor = make_monitor(alice, method="POST", **secrets)

    assert refused(monitor, alice, url=url).keys() == secrets.keys()
    assert refused(monitor, alice, url=url, headers={"X-Key": "2"}, auth=None).keys() == {"body"}
    assert monitor.url == "https://shop.example.com/"
    change(monitor, alice, url=url, headers={"X-Key": "2"}, body=None, auth={})
    assert monitor.request(services().vault).headers == {"X-Key": "2"}
    assert (monitor.has_body, monitor.auth_type) == (False, "none")


@pytest.mark.parametrize("url", ["https://SHOP.example.com:443/health?x=1", "https://shop.example.com"])
def test_another_page_of_the_same_server_gets_what_is_stored(alice, url):
    monitor = make_monitor(alice, headers={"X-Key": "1"})

    change(monitor, alice, url=url)

    assert monitor.request(services().vault).headers == {"X-Key": "1"}


def test_what_has_no_secrets_may_move_to_another_server(alice):
    monitor = make_monitor(alice)

    change(monitor, alice, url="https://other.example.com/")

    assert monitor.url == "https://other.example.com/"


def test_one_authorization_header_is_enough(alice):
    basic, header = {"type": "basic", "username": "u", "password": "p"}, {"AUTHORIZATION": "x"}
    with_auth, with_header = make_monitor(alice, auth=basic), make_monitor(alice, headers=header)

    assert refused(with_auth, alice, headers=header).keys() == {"headers"}
    assert refused(with_header, alice, auth=basic).keys() == {"auth"}
    assert refused(with_header, alice, headers=header, auth=basic).keys() == {"auth"}
    change(with_header, alice, headers={}, auth=basic)
    assert with_header.auth_type == "basic"


@pytest.mark.parametrize("name", [".", "..", "", "a/b", "x" * 129])
def test_an_external_id_can_stand_in_an_address(alice, name):
    assert faults(alice, external_id=name).keys() == {"external_id"}


def test_replacing_clears_what_is_absent_but_its_external_id(alice):
    monitor = make_monitor(alice, external_id="shop", headers={"X-A": "1"}, expected_status=204)

    monitor.replace(
        db.session,
        {"name": "Shop 2", "url": "http://example.org"},
        vault=services().vault,
        guard=services().guard,
        by=alice.actor,
    )

    assert (monitor.name, monitor.external_id, monitor.header_names, monitor.expected_status) == ("Shop 2", "shop", [], 200)


def test_an_external_id_is_unique_in_its_team(alice, charlie):
    monitor = make_monitor(alice, external_id="shop")

    with pytest.raises(Conflict):
        make_monitor(alice, external_id="shop")
    db.session.rollback()

    assert make_monitor(charlie, external_id="shop").id
    assert Monitor.find_external(db.session, alice.team_id, "shop") == monitor


def test_another_teams_monitor_is_not_found(alice, charlie):
    monitor = make_monitor(alice)

    assert Monitor.find(db.session, charlie.team_id, monitor.id) is None
    assert db.session.scalars(Monitor.of(charlie.team_id)).all() == []


def test_monitors_are_listed_by_name_whatever_its_case_and_found_by_what_they_are(alice):
    for name, url in (
        ("beta", "http://b.example.com/100%"),
        ("Alpha", "http://a.example.com"),
        ("Émile", "http://e.example.com"),
    ):
        make_monitor(alice, name=name, url=url)
    up = db.session.scalars(Monitor.of(alice.team_id, q="alpha")).one()
    check(up, GOOD)

    names = [each.name for each in db.session.scalars(Monitor.of(alice.team_id))]

    assert names[:2] == ["Alpha", "beta"]
    assert db.session.scalars(Monitor.of(alice.team_id, state="up")).one().name == "Alpha"
    assert len(db.session.scalars(Monitor.of(alice.team_id, state="pending")).all()) == 2
    assert db.session.scalars(Monitor.of(alice.team_id, q="0%")).one().name == "beta"
    assert db.session.scalars(Monitor.of(alice.team_id, q="ÉMILE")).one().name == "Émile"


def test_the_plans_number_of_monitors_is_a_limit(app):
    eve = make_person(app, "Eve", "eve@example.com", Plan.FREE)
    for number in range(10):
        make_monitor(eve, name=f"M{number}")

    with pytest.raises(LimitReached) as refused:
        make_monitor(eve)

    assert refused.value.limit == 10


def test_parallel_creates_stay_within_the_limit(app, settings):
    eve = make_person(app, "Eve", "eve@example.com", Plan.FREE)
    for number in range(7):
        make_monitor(eve, name=f"M{number}")
    engine, vault, guard = connect(settings.database), services().vault, services().guard

    def create(number: int) -> bool:
        with Session(engine) as session:
            team = session.get_one(Team, eve.team_id)
            fields = {"name": f"N{number}", "url": "http://example.com"}
            try:
                Monitor.create(session, team, fields, vault=vault, guard=guard, by=OPERATOR)
            except LimitReached:
                return False
            session.commit()
            return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(create, range(8)))
    engine.dispose()

    assert sum(made) == 3
    assert Monitor.count(db.session, eve.team_id) == 10


def test_a_smaller_plan_pauses_the_newest_and_slows_the_rest_down(alice):
    oldest = make_monitor(alice, name="Oldest", interval_seconds=15)
    paused = make_monitor(alice, name="Paused", interval_seconds=15)
    paused.pause(db.session, alice.actor)
    others = [make_monitor(alice, name=f"M{number}") for number in range(11)]

    alice.set_plan(Plan.FREE)

    assert (oldest.interval_seconds, oldest.state) == (60, "pending")
    assert (paused.interval_seconds, paused.state) == (60, "paused")
    assert [each.state for each in others] == ["pending"] * 9 + ["paused"] * 2
    with pytest.raises(LimitReached):
        paused.resume(db.session, alice.actor)


def test_a_greater_plan_resumes_nothing(alice):
    monitor = make_monitor(alice)
    monitor.pause(db.session, alice.actor)

    alice.set_plan(Plan.TEAM)

    assert monitor.state == "paused"


@pytest.mark.parametrize(("after", "slot"), [(-1, 0), (0, 60), (1, 60), (59.999, 60), (60, 120), (3600 * 24 + 1, 3600 * 24 + 60)])
def test_slots_lie_on_a_grid_and_missed_ones_are_skipped(after, slot):
    assert next_slot(NOON, 60, NOON + timedelta(seconds=after)) == NOON + timedelta(seconds=slot)


def test_pausing_stops_the_schedule_and_resuming_returns_to_it(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice)
        monitor.pause(db.session, alice.actor)
        monitor.pause(db.session, alice.actor)
        paused = (monitor.state, monitor.paused_at, monitor.next_check_at)
        clock.shift(timedelta(minutes=30, seconds=7))
        monitor.resume(db.session, alice.actor)
        monitor.resume(db.session, alice.actor)

    assert paused == ("paused", NOON, None)
    assert monitor.state == "pending"
    assert_next_slot(monitor, NOON + timedelta(minutes=30, seconds=7))


def test_a_new_interval_is_in_force_at_once(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice, interval_seconds=3600)
        clock.shift(timedelta(seconds=70))
        monitor.next_check_at = NOON + timedelta(hours=1)
        db.session.commit()
        change(monitor, alice, interval_seconds=60)

    assert_next_slot(monitor, NOON + timedelta(seconds=70))


def test_a_new_name_does_not_disturb_a_check_on_its_way(alice):
    monitor = make_monitor(alice)
    fence = claimed(monitor).fence

    change(monitor, alice, name="Till")

    assert monitor.fence == fence
    assert monitor.lease_until is not None


def test_a_new_interval_does_not_disturb_a_check_on_its_way(alice):
    monitor = make_monitor(alice)
    mine = claimed(monitor)

    change(monitor, alice, interval_seconds=300)

    assert (monitor.fence, monitor.next_check_at) == (mine.fence, mine.slot)
    assert monitor.lease_until is not None


@pytest.mark.parametrize(("interval", "seconds"), [(15, 15), (60, 60), (3600, 70)])
def test_a_change_is_followed_by_a_check_within_a_minute(alice, interval, seconds):
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice, interval_seconds=interval)
        monitor.anchored_at, monitor.next_check_at = NOON, NOON + timedelta(seconds=interval)
        db.session.commit()
        clock.shift(timedelta(seconds=10))
        change(monitor, alice, url="https://other.example.com/")
        clock.shift(timedelta(seconds=3))
        change(monitor, alice, timeout_seconds=9)

    assert monitor.next_check_at == NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(("interval", "checks"), [(5, 60), (60, 5), (300, 5), (3600, 5)])
def test_changes_make_no_check_come_sooner_than_the_interval_or_a_minute(alice, interval, checks):
    alice.set_plan(Plan.TEAM)
    begun = []
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice, interval_seconds=interval)
        monitor.anchored_at = NOON
        db.session.commit()
        for number in range(300):
            begun += [each.slot for each in claim(db.session, 10, utcnow())]
            db.session.commit()
            change(monitor, alice, timeout_seconds=59 + number % 2)
            clock.shift(timedelta(seconds=1))

    assert len(begun) == checks
    assert all(later - sooner >= timedelta(seconds=min(interval, 60)) for sooner, later in pairwise(begun))


def test_a_slot_that_waits_for_a_checker_stays_due_when_the_monitor_is_changed(alice):
    monitor = make_monitor(alice)
    due = monitor.next_check_at

    change(monitor, alice, url="https://other.example.com/")

    assert monitor.next_check_at == due


def test_the_state_follows_the_last_check(alice):
    monitor = make_monitor(alice)

    check(monitor, GOOD)
    up = monitor.state
    check(monitor, BAD)

    assert (up, monitor.state) == ("up", "down")
    assert (monitor.last_check.status, monitor.last_check.error, monitor.last_check.type) == (
        "down",
        "unexpected_status",
        "manual",
    )


def test_deleting_leaves_nothing_and_is_told_once(alice):
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    twin = db.session.get_one(Monitor, monitor.id)
    monitor_id = monitor.id

    monitor.delete(db.session, alice.actor)
    db.session.commit()

    assert db.session.get(Monitor, monitor_id) is None
    with pytest.raises(Conflict):
        Monitor(id=monitor_id).delete(db.session, alice.actor)
    assert twin is monitor


def test_the_trail_tells_what_happened_to_a_monitor(alice):
    monitor = make_monitor(alice)
    change(monitor, alice, name="Till")
    monitor.pause(db.session, alice.actor)
    monitor.resume(db.session, alice.actor)
    monitor.delete(db.session, alice.actor)
    db.session.commit()

    actions = db.session.scalars(select(Event.action).where(Event.monitor_id.is_not(None)).order_by(Event.id)).all()

    assert actions == [f"monitor.{what}" for what in ("created", "changed", "paused", "resumed", "deleted")]


def test_an_account_that_goes_takes_its_teams_monitors_along(alice, bob, charlie):
    check(make_monitor(alice), BAD, BAD)
    kept = make_monitor(charlie)

    alice.user.delete(db.session)
    db.session.commit()

    assert db.session.scalars(select(Monitor)).all() == [kept]
    assert db.session.scalars(select(Project.team_id).where(Project.team_id == alice.team_id)).all() == []
    assert db.session.scalars(select(Incident)).all() == []
