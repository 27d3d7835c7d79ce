"""Hourly sums: true to the checks, kept a month on every plan; and what a deleted monitor leaves behind."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from pulse import schema
from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db
from pulse.models import leftovers
from pulse.models.check import WINDOWS, Check
from pulse.models.hourly_sum import HourlySum, hour_of
from pulse.models.recording import Result, record
from pulse.plans import Plan
from pulse.probe import Outcome
from tests.monitors import BAD, GOOD, check, claimed, make_monitor, scheduled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOST = Outcome.failure(BAD.error)

outcomes = st.builds(Outcome, up=st.booleans(), response_time_ms=st.none() | st.integers(min_value=0, max_value=60_000))
edges = st.builds(
    lambda span, ms: span + timedelta(milliseconds=ms), st.sampled_from([*WINDOWS.values()]), st.integers(-3_600_000, 3_600_000)
)
ages = edges | st.builds(lambda ms: timedelta(milliseconds=ms), st.integers(0, 31 * 24 * 3_600_000))
checks = st.lists(st.tuples(ages, outcomes), max_size=40)


def sums(monitor_id: int) -> list[HourlySum]:
    db.session.expire_all()
    return list(db.session.scalars(select(HourlySum).where(HourlySum.monitor_id == monitor_id).order_by(HourlySum.hour)))


def count(table: type[Check | HourlySum], monitor_id: int) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(table.monitor_id == monitor_id)) or 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=checks, into_the_hour=st.integers(0, 3_599_999))
def test_uptime_from_the_sums_is_that_of_the_checks_themselves(alice, made, into_the_hour):
    alice.set_plan(Plan.TEAM)
    now = NOON + timedelta(milliseconds=into_the_hour)
    with time_machine.travel(now, tick=False):
        monitor = make_monitor(alice)
        record(db.session, [Result(monitor.id, outcome, now - age) for age, outcome in made])

        told = Check.uptime(db.session, monitor.id)
        db.session.commit()
        monitor.delete(db.session, alice.actor)
        db.session.commit()

    for name, span in WINDOWS.items():
        within = [outcome for age, outcome in made if age < span]
        assert (told[name].up, told[name].total) == (sum(each.up for each in within), len(within)), name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=checks)
def test_an_hours_sum_is_that_of_its_checks(alice, made):
    alice.set_plan(Plan.TEAM)
    monitor = make_monitor(alice)
    record(db.session, [Result(monitor.id, outcome, NOON - age) for age, outcome in made])
    db.session.commit()

    told = {
        each.hour: (each.up, each.total, each.timed, each.response_ms_sum, each.response_ms_min, each.response_ms_max)
        for each in sums(monitor.id)
    }
    monitor.delete(db.session, alice.actor)
    db.session.commit()

    by_hour: dict[datetime, list[Outcome]] = {}
    for age, outcome in made:
        by_hour.setdefault(hour_of(NOON - age), []).append(outcome)
    expected = {}
    for hour, them in by_hour.items():
        times = [each.response_time_ms for each in them if each.response_time_ms is not None]
        ends = (min(times), max(times)) if times else (None, None)
        expected[hour] = (sum(each.up for each in them), len(them), len(times), sum(times), *ends)
    assert told == expected


def test_what_does_not_count_is_not_summed(alice):
    monitor = make_monitor(alice)
    mine = scheduled(claimed(monitor), BAD)

    record(db.session, [mine])
    record(db.session, [mine, mine])
    db.session.commit()

    assert [(each.up, each.total) for each in sums(monitor.id)] == [(0, 1)]


def test_sums_are_kept_thirty_days_on_every_plan(alice, charlie):
    charlie.set_plan(Plan.FREE)
    monitors = [make_monitor(each) for each in (alice, charlie)]
    for monitor in monitors:
        for days in (1, 8, 29, 31, 40):
            check(monitor, GOOD, at=utcnow() - timedelta(days=days))

    removed = [HourlySum.sweep(db.session), HourlySum.sweep(db.session)]
    db.session.commit()

    assert removed == [4, 0]
    assert [len(sums(each.id)) for each in monitors] == [3, 3]


def test_uptime_outlives_the_checks_that_the_plan_does_not_keep(alice):
    alice.set_plan(Plan.FREE)
    monitor = make_monitor(alice)
    check(monitor, GOOD, GOOD, BAD, LOST, at=utcnow() - timedelta(days=20))

    assert Check.sweep(db.session) == 4
    db.session.commit()

    spans = Check.uptime(db.session, monitor.id)
    assert [(each.up, each.total) for each in spans.values()] == [(0, 0), (0, 0), (2, 4)]


def test_a_check_keeps_how_long_each_phase_took(alice):
    monitor = make_monitor(alice)
    outcome = Outcome.reply(200, GOOD.timings.__class__(dns=1, connect=20, tls=0, first_byte=400, total=5000), expected=200)

    (check_id,) = check(monitor, outcome)

    made = db.session.get_one(Check, check_id)
    assert (made.dns_us, made.connect_us, made.tls_us, made.first_byte_us) == (1, 20, None, 400)


def test_a_deleted_monitor_is_gone_at_once_and_its_data_little_by_little(alice):
    gone, kept, latest = (make_monitor(alice, name=name) for name in ("A", "B", "C"))
    gone_id, latest_id = gone.id, latest.id
    for monitor in (gone, kept, latest):
        check(monitor, *[GOOD] * 3)
    for monitor in (gone, latest):
        monitor.delete(db.session, alice.actor)
    db.session.commit()

    left = leftovers.left_by(db.session)
    db.session.commit()
    removed = leftovers.remove(db.session, left)
    db.session.commit()

    assert left == [gone_id, latest_id]
    assert removed == 6 + 2
    assert [count(Check, each) for each in (gone_id, kept.id, latest_id)] == [0, 3, 0]
    assert [count(HourlySum, each) for each in (gone_id, kept.id, latest_id)] == [0, 1, 0]
    assert leftovers.left_by(db.session) == []


def test_no_more_than_a_thousand_checks_are_removed_at_once(alice):
    monitor = make_monitor(alice)
    row = {"monitor_id": monitor.id, "type": "manual", "checked_at": NOON, "up": True}
    db.session.execute(Check.__table__.insert(), [row] * 2500)
    monitor_id = monitor.id
    monitor.delete(db.session, alice.actor)
    db.session.commit()

    removed = [leftovers.remove(db.session, [monitor_id]) for _ in range(4)]

    assert removed == [1000, 1000, 500, 0]


def test_a_deleted_teams_checks_are_left_for_later_too(charlie):
    monitor = make_monitor(charlie)
    check(monitor, GOOD)
    monitor_id = monitor.id

    charlie.user.delete(db.session)
    db.session.commit()

    assert leftovers.left_by(db.session) == [monitor_id]


def test_the_ids_of_a_deleted_monitor_and_its_checks_never_come_back(alice):
    monitor = make_monitor(alice)
    (last,) = check(monitor, GOOD)
    monitor_id = monitor.id
    monitor.delete(db.session, alice.actor)
    db.session.commit()
    leftovers.remove(db.session, [monitor_id])
    db.session.commit()

    another = make_monitor(alice)
    (following,) = check(another, GOOD)

    assert another.id > monitor_id
    assert (following or 0) > (last or 0) > 0


@pytest.fixture
def before_sums(tmp_path):
    """A database of the schema before, and its address."""
    url = f"sqlite:///{tmp_path / 'before.sqlite3'}"
    schema.migrate(url, "0006")
    engine = connect(url)
    yield url, engine
    engine.dispose()


def test_migrating_adds_up_the_checks_there_are_and_counts_ids_on(before_sums):
    url, engine = before_sums
    now = hour_of(utcnow())
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO teams (id, name, plan, created_at) VALUES (1, 'T', 'team', '2026-01-01')"))
        connection.execute(text("INSERT INTO projects VALUES (1, 1, 'P', 1, '2026-01-01')"))
        monitor = (
            "INSERT INTO monitors (id, team_id, project_id, name, name_folded, url, method, interval_seconds, timeout_seconds,"
            " expected_status, verify_tls, header_names, auth_type, created_at, updated_at, anchored_at, fence, failures,"
            " successes) VALUES (7, 1, 1, 'M', 'm', 'u', 'GET', 60, 30, 200, 1, '[]', 'none', '2026-01-01', '2026-01-01',"
            " '2026-01-01', 0, 0, 0)"
        )
        connection.execute(text(monitor))
        made = text(
            "INSERT INTO checks (id, monitor_id, type, checked_at, up, response_time_ms) VALUES (:i, 7, 'manual', :at, :up, :ms)"
        )
        for number, (hours, up, ms) in enumerate(
            [(900, True, 1), (2, True, 10), (2, False, None), (2, True, 40), (1, False, 5)], 1
        ):
            at = now - timedelta(hours=hours) + timedelta(minutes=number)
            connection.execute(made, {"i": number, "at": at.strftime("%Y-%m-%d %H:%M:%S.%f"), "up": up, "ms": ms})
        connection.execute(made, {"i": 50, "at": "2026-01-01", "up": True, "ms": None})
        connection.execute(text("DELETE FROM checks WHERE id = 50"))

    schema.migrate(url)

    with engine.begin() as connection:
        told = connection.execute(select(*HourlySum.__table__.c).order_by(HourlySum.hour)).all()
        connection.execute(text("INSERT INTO checks (monitor_id, type, checked_at, up) VALUES (7, 'manual', '2026-01-01', 1)"))
        newest = connection.scalar(text("SELECT max(id) FROM checks"))
    assert [tuple(each) for each in told] == [
        (7, now - timedelta(hours=2), 2, 3, 2, 50, 10, 40),
        (7, now - timedelta(hours=1), 0, 1, 1, 5, 5, 5),
    ]
    assert newest == 51


def test_the_step_back_removes_what_no_monitor_holds(before_sums):
    url, engine = before_sums
    schema.migrate(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO checks (monitor_id, type, checked_at, up) VALUES (7, 'manual', '2026-01-01', 1)"))

    command.downgrade(schema.config(url), "0006")

    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM checks")) == 0
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
