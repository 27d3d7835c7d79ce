"""Planned outages: when they are, across the change of clocks too, and that nothing is judged meanwhile."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.planned_outage import LOCAL, PlannedOutage, Repeats
from pulse.models.refusals import Faults
from tests.alerts import deliveries, plan_outage
from tests.monitors import BAD, GOOD, check, make_monitor

NOON = datetime(2096, 11, 23, 12, tzinfo=UTC)
"""Of a day that is still to come: one that is over cannot be planned."""
BERLIN = "Europe/Berlin"


def outage(repeats: str, begins: str, ends: str, timezone: str = BERLIN) -> PlannedOutage:
    return PlannedOutage(repeats=repeats, begins_text=begins, ends_text=ends, timezone=timezone, covers_all=True)


def utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("repeats", "on", "off"),
    [
        ("once", ["2026-03-02 01:00", "2026-03-02 02:59"], ["2026-03-02 00:59", "2026-03-02 03:00", "2026-03-03 01:30"]),
        # In summer the same hours on the wall are an hour earlier in UTC.
        ("daily", ["2026-03-03 01:00", "2026-07-01 00:00", "2026-07-01 01:59"], ["2026-03-01 01:30", "2026-07-01 02:00"]),
        ("weekly", ["2026-03-09 01:30", "2026-07-06 00:30"], ["2026-03-10 01:30", "2026-07-06 02:30", "2026-02-23 01:30"]),
        ("monthly", ["2026-04-02 00:30", "2026-12-02 01:30"], ["2026-04-03 00:30", "2026-12-02 00:30"]),
    ],
)
def test_it_comes_again_at_the_same_time_on_the_wall(repeats, on, off):
    planned = outage(repeats, "2026-03-02T02:00", "2026-03-02T04:00")

    assert [planned.is_on(utc(each)) for each in on] == [True] * len(on)
    assert [planned.is_on(utc(each)) for each in off] == [False] * len(off)


def test_the_last_day_of_a_short_month_stands_for_the_31st():
    planned = outage("monthly", "2026-01-31T22:00", "2026-02-01T02:00", "UTC")

    assert planned.is_on(utc("2026-02-28 23:00"))
    assert planned.is_on(utc("2026-03-01 01:00"))
    assert not planned.is_on(utc("2026-02-27 23:00"))
    assert planned.is_on(utc("2026-03-31 23:00"))


def test_the_hour_that_is_leapt_over_is_covered_by_what_is_around_it():
    planned = outage("daily", "2026-03-01T02:30", "2026-03-01T03:15")

    assert planned.is_on(utc("2026-03-29 01:10"))  # 03:10 in summer time, right after the leap
    assert not planned.is_on(utc("2026-03-29 01:15"))


def test_the_hour_that_comes_twice_is_covered_both_times():
    planned = outage("daily", "2026-03-01T02:00", "2026-03-01T03:00")

    assert planned.is_on(utc("2026-10-25 00:30"))
    assert planned.is_on(utc("2026-10-25 01:30"))
    assert not planned.is_on(utc("2026-10-25 02:00"))


def test_one_that_goes_over_midnight_goes_on_the_next_day():
    planned = outage("weekly", "2026-03-01T22:00", "2026-03-03T06:00", "UTC")

    assert planned.is_on(utc("2026-03-10 05:59"))
    assert not planned.is_on(utc("2026-03-10 06:00"))


@pytest.mark.parametrize(
    ("repeats", "at", "next_"),
    [
        ("once", "2026-01-01 00:00", "2026-03-02 01:00"),
        ("once", "2026-03-02 01:30", "2026-03-02 01:00"),
        ("once", "2026-03-02 03:00", None),
        ("daily", "2026-01-01 00:00", "2026-03-02 01:00"),
        ("daily", "2026-02-27 00:00", "2026-03-02 01:00"),
        ("daily", "2026-03-30 12:00", "2026-03-31 00:00"),
        ("weekly", "2026-01-01 00:00", "2026-03-02 01:00"),
        ("weekly", "2026-03-28 00:00", "2026-03-30 00:00"),
        ("monthly", "2026-03-03 00:00", "2026-04-02 00:00"),
    ],
)
def test_the_next_one_is_told(repeats, at, next_):
    planned = outage(repeats, "2026-03-02T02:00", "2026-03-02T04:00")

    found = planned.next_after(utc(at))

    assert (found[0] if found else None) == (utc(next_) if next_ else None)


@given(
    repeats=st.sampled_from(Repeats),
    begins=st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - the wall's own time
    minutes=st.integers(1, 24 * 60),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    later=st.integers(0, 700 * 24 * 60),
)
def test_it_is_on_when_the_wall_says_so(repeats, begins, minutes, zone, later):
    begins = begins.replace(second=0, microsecond=0)
    planned = outage(repeats, begins.strftime(LOCAL), (begins + timedelta(minutes=minutes)).strftime(LOCAL), zone)
    moment = begins.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=later)
    local = moment.astimezone(ZoneInfo(zone))
    # Near a change of clocks the wall is ambiguous: that is told apart by the tests above.
    assume(len({(local + timedelta(days=days)).utcoffset() for days in (-2, 0, 2)}) == 1)

    assert planned.is_on(moment) == on_the_wall(repeats, begins, minutes, local.replace(tzinfo=None))


def on_the_wall(repeats: Repeats, begins: datetime, minutes: int, now: datetime) -> bool:
    """Tell by trying every day."""
    days = [now.date() - timedelta(days=back) for back in range(3)]
    starts = [datetime.combine(day, begins.time()) for day in days if begins_on(repeats, begins.date(), day)]
    return any(start <= now < start + timedelta(minutes=minutes) for start in starts)


def begins_on(repeats: Repeats, first: date, day: date) -> bool:
    if day < first:
        return False
    match repeats:
        case Repeats.ONCE:
            return day == first
        case Repeats.DAILY:
            return True
        case Repeats.WEEKLY:
            return (day - first).days % 7 == 0
        case Repeats.MONTHLY:
            last = (day + timedelta(days=1)).month != day.month
            return day.day == first.day or (last and first.day > day.day)


def incidents(person) -> list[Incident]:
    return list(db.session.scalars(Incident.of(person.team_id).execution_options(populate_existing=True)))


def planned_at_noon(person, **fields) -> PlannedOutage:
    local = NOON.replace(tzinfo=None)
    return plan_outage(person, **{"begins": local, "ends": local + timedelta(hours=1)} | fields)


def test_in_a_planned_outage_checks_go_on_and_nothing_is_told(alice):
    monitor = make_monitor(alice)
    planned_at_noon(alice)

    check(monitor, *[BAD] * 4, at=NOON + timedelta(minutes=10))

    assert (incidents(alice), deliveries()) == ([], [])
    assert monitor.failures == 4


def test_what_is_still_down_afterwards_opens_an_incident(alice):
    monitor = make_monitor(alice)
    planned_at_noon(alice)
    check(monitor, *[BAD] * 4, at=NOON + timedelta(minutes=10))

    check(monitor, BAD, at=NOON + timedelta(minutes=61))

    assert len(incidents(alice)) == 1


def test_an_incident_from_before_neither_ends_nor_tells_meanwhile(alice):
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD, at=NOON - timedelta(minutes=5))
    planned_at_noon(alice)

    check(monitor, GOOD, GOOD, at=NOON + timedelta(minutes=10))
    meanwhile = (incidents(alice)[0].status, len(deliveries()))
    check(monitor, GOOD, GOOD, at=NOON + timedelta(minutes=70))

    assert meanwhile == ("open", 1)
    assert (incidents(alice)[0].status, len(deliveries())) == ("resolved", 2)


def test_it_holds_for_the_chosen_monitors_of_its_team_alone(alice, charlie):
    chosen, other, foreign = make_monitor(alice, name="Chosen"), make_monitor(alice, name="Other"), make_monitor(charlie)
    planned_at_noon(alice, monitor_ids=[chosen.id])

    for each in (chosen, other, foreign):
        check(each, BAD, BAD, at=NOON + timedelta(minutes=10))

    assert [each.title for each in incidents(alice)] == ["Other is down"]
    assert len(incidents(charlie)) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"repeats": "hourly"}, "repeats"),
        ({"ends": NOON.replace(tzinfo=None)}, "ends"),
        ({"repeats": "daily", "ends": datetime.combine(date(2096, 11, 25), time())}, "ends"),
        ({"monitor_ids": []}, "monitor_ids"),
        ({"monitor_ids": [2**40]}, "monitor_ids"),
    ],
)
def test_what_it_cannot_be_is_refused_at_its_field(alice, fields, field):
    with pytest.raises(Faults) as refused:
        planned_at_noon(alice, **fields)

    assert [fault.field for fault in refused.value.faults] == [field]


def at_the_wall(minutes, zone=BERLIN):
    """Return what the clock on the wall shows so many minutes from now."""
    return (utcnow() + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Pacific/Apia"])
def test_one_that_is_over_already_is_refused_at_its_end(alice, zone):
    with pytest.raises(Faults, match="This lies in the past") as refused:
        plan_outage(alice, at_the_wall(-60, zone), at_the_wall(-1, zone), timezone=zone)

    assert [fault.field for fault in refused.value.faults] == ["ends"]


@pytest.mark.parametrize("fields", [{}, {"repeats": "daily"}])
def test_one_that_goes_on_or_comes_again_may_have_begun_long_ago(alice, fields):
    begins = at_the_wall(-23 * 60)
    ends = at_the_wall(5) if not fields else begins + timedelta(hours=1)

    planned = plan_outage(alice, begins, ends, timezone=BERLIN, **fields)

    assert planned.has_begun(utcnow())


def test_one_cannot_be_moved_into_the_past(alice):
    planned = planned_at_noon(alice)
    fields = {"title": "Upgrade", "repeats": "once", "timezone": "UTC", "monitor_ids": None}

    with pytest.raises(Faults, match="This lies in the past"):
        planned.change(db.session, {**fields, "begins": at_the_wall(-90, "UTC"), "ends": at_the_wall(-30, "UTC")}, alice.actor)


def test_a_monitor_that_is_none_of_the_teams_is_not_passed_over(alice, charlie):
    mine, foreign = make_monitor(alice), make_monitor(charlie)

    with pytest.raises(Faults, match=f"Not found in this team: {foreign.id}"):
        planned_at_noon(alice, monitor_ids=[mine.id, foreign.id])


def test_another_teams_is_not_found(alice, charlie):
    planned = planned_at_noon(charlie)

    assert PlannedOutage.find(db.session, alice.team_id, planned.id) is None
