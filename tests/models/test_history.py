"""What pictures are made of: every check at its place, gaps left open, days as people live them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import time_machine

from pulse.extensions import db
from pulse.models import history
from pulse.models.check import Check
from pulse.models.history import Stretch
from pulse.probe import Outcome
from tests.monitors import BAD, GOOD, check, make_monitor

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def took(milliseconds: int) -> Outcome:
    return Outcome(up=True, http_status_code=200, response_time_ms=milliseconds)


def chart(monitor, span: str) -> list[Stretch]:
    hours = history.by_hours(db.session, monitor.id, span)
    return history.chart(db.session, monitor.id, span, hours, monitor.interval_seconds)


@pytest.mark.parametrize(("span", "places", "step"), [("24h", 144, 10), ("7d", 168, 60), ("30d", 120, 360)])
def test_a_chart_covers_its_span_in_equal_steps_up_to_now(alice, span, places, step):
    monitor = make_monitor(alice)
    check(monitor, took(10), took(30), BAD, at=NOW)

    drawn = chart(monitor, span)

    assert len(drawn) == places
    assert {later.begins - each.begins for each, later in pairwise(drawn)} == {timedelta(minutes=step)}
    assert (drawn[-1].up, drawn[-1].total, drawn[-1].ms_min, drawn[-1].ms_max) == (2, 3, 9, 30)
    assert sum(each.total for each in drawn[:-1]) == 0


def test_a_chart_of_a_day_tells_ten_minutes_apart(alice):
    monitor = make_monitor(alice)
    check(monitor, took(10), at=NOW - timedelta(minutes=30))
    check(monitor, took(20), at=NOW - timedelta(minutes=10))
    check(monitor, took(30), at=NOW - timedelta(hours=25))

    drawn = chart(monitor, "24h")

    assert [each.ms_mean for each in drawn[-4:]] == [10, None, 20, None]
    assert sum(each.total for each in drawn) == 2


def test_a_monitor_that_is_checked_seldom_has_no_gaps_that_are_none(alice):
    monitor = make_monitor(alice, interval_seconds=3600)
    for hours in range(24):
        check(monitor, GOOD, at=NOW - timedelta(hours=hours))

    drawn = chart(monitor, "24h")

    assert [each.total for each in drawn] == [1] * 24


def test_the_last_day_by_the_clock_and_its_uptime_to_the_second(alice):
    busy, idle = make_monitor(alice), make_monitor(alice)
    check(busy, BAD, at=NOW - timedelta(hours=24) + timedelta(seconds=1))
    check(busy, GOOD, GOOD, BAD, at=NOW - timedelta(hours=2))
    check(busy, BAD, at=NOW - timedelta(hours=24, seconds=1))

    days = history.last_day(db.session, [busy.id, idle.id])

    uptime, hours = days[busy.id]
    assert uptime == Check.uptime(db.session, busy.id)["24h"]
    assert (uptime.up, uptime.total) == (2, 4)
    assert (len(hours), hours[0].begins, hours[-1].begins) == (
        24,
        datetime(2026, 11, 22, 13, tzinfo=UTC),
        datetime(2026, 11, 23, 12, tzinfo=UTC),
    )
    assert {place: (each.up, each.total) for place, each in enumerate(hours) if each.total} == {21: (2, 3)}
    assert days[idle.id][0].percent is None


def test_days_are_those_of_the_person(alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))

    days = history.by_days(history.by_hours(db.session, monitor.id, "7d"), "7d", BERLIN)

    assert [each.whole.begins.day for each in days] == [23, 22, 21, 20, 19, 18, 17, 16]
    assert (days[0].hours[0].up, days[0].hours[0].total, days[0].whole.total) == (1, 2, 2)
    assert sum(each.whole.total for each in days[1:]) == 0


def test_an_hour_that_comes_twice_stands_for_both_and_one_that_is_left_out_is_a_gap(alice, clock):
    monitor = make_monitor(alice)
    for hour in (0, 1, 2):
        check(monitor, GOOD, at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        check(monitor, GOOD, at=datetime(2026, 3, 29, hour, 30, tzinfo=UTC))

    back = {}
    for month, day in ((10, 25), (3, 29)):
        clock.move_to(datetime(2026, month, day, 12, tzinfo=UTC))
        (today, *_) = history.by_days(history.by_hours(db.session, monitor.id, "24h"), "24h", BERLIN)
        back[month] = [each.total for each in today.hours[:6]]

    assert back[10] == [0, 0, 2, 1, 0, 0]
    assert back[3] == [0, 1, 0, 1, 1, 0]
