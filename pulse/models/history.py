"""What the pictures of a monitor are made of: its checks summed by stretches of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, extract, func, select

from pulse.clock import utcnow
from pulse.db import DbSession, is_sqlite
from pulse.models.check import WINDOWS, Check, Uptime
from pulse.models.hourly_sum import HOUR, HourlySum, hour_of
from pulse.models.monitor import Monitor

DAY = timedelta(days=1)
STEPS = {"24h": timedelta(minutes=10), "7d": HOUR, "30d": timedelta(hours=6)}
"""How much time one place of a chart stands for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The checks of some time; one without checks is a gap."""

    begins: datetime
    up: int = 0
    total: int = 0
    timed: int = 0
    ms_sum: int = 0
    ms_min: int | None = None
    ms_max: int | None = None

    @property
    def failed(self) -> int:
        """How many checks were down."""
        return self.total - self.up

    @property
    def percent(self) -> float | None:
        """The uptime; None in a gap."""
        return Uptime(self.up, self.total).percent

    @property
    def ms_mean(self) -> float | None:
        """The response time in the middle; None where no reply was whole."""
        return self.ms_sum / self.timed if self.timed else None

    def __add__(self, other: "Stretch") -> "Stretch":
        """Return both as one that begins where this one does."""
        return Stretch(
            self.begins,
            self.up + other.up,
            self.total + other.total,
            self.timed + other.timed,
            self.ms_sum + other.ms_sum,
            min((ms for ms in (self.ms_min, other.ms_min) if ms is not None), default=None),
            max((ms for ms in (self.ms_max, other.ms_max) if ms is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class Day:
    """A day as people live it: its sum, and its hours from 00 to 23."""

    whole: Stretch
    hours: tuple[Stretch, ...]


def last_day(session: DbSession, monitor_ids: Sequence[int]) -> dict[int, tuple[Uptime, list[Stretch]]]:
    """Return each monitor's uptime over the last 24 hours, and its last 24 hours by the clock, in two queries for all."""
    begin = utcnow() - DAY
    first = hour_of(begin) + HOUR
    hours = {each: [Stretch(first + place * HOUR) for place in range(24)] for each in monitor_ids}
    for row in session.execute(HourlySum.of(monitor_ids, first)):
        place = (row.hour - first) // HOUR
        if place < 24:
            hours[row.monitor_id][place] = _stretch(row.hour, row)
    edge = select(Check.monitor_id, func.count().filter(Check.up.is_(True)), func.count())
    edge = edge.where(Check.monitor_id.in_(monitor_ids), Check.checked_at > begin, Check.checked_at < first)
    parts = {row[0]: Uptime(row[1], row[2]) for row in session.execute(edge.group_by(Check.monitor_id))}
    return {each: (_uptime(hours[each], parts.get(each, Uptime(0, 0))), hours[each]) for each in monitor_ids}


def team_day(session: DbSession, team_id: int) -> Uptime:
    """Return the uptime of all of a team's monitors over the last 24 hours by the clock."""
    since = hour_of(utcnow()) - DAY + HOUR
    sums = select(func.sum(HourlySum.up), func.sum(HourlySum.total)).join(Monitor, Monitor.id == HourlySum.monitor_id)
    up, total = session.execute(sums.where(Monitor.team_id == team_id, HourlySum.hour >= since)).one()
    return Uptime(int(up or 0), int(total or 0))


def by_hours(session: DbSession, monitor_id: int, span: str) -> list[Stretch]:
    """Return the hours of a span that have checks, those at its ends whole."""
    rows = session.execute(HourlySum.of([monitor_id], hour_of(utcnow() - WINDOWS[span])))
    return [_stretch(row.hour, row) for row in rows]


def chart(session: DbSession, monitor_id: int, span: str, hours: Iterable[Stretch], interval_seconds: int) -> list[Stretch]:
    """Return a span in steps of equal length, gaps included; `hours` are those of `by_hours`.

    No step is so short that a monitor of that interval would leave gaps without missing a check.
    """
    step, now = max(STEPS[span], HOUR) if interval_seconds > STEPS[span].total_seconds() else STEPS[span], utcnow()
    last = _floor(now, step)
    first = last - (WINDOWS[span] // step - 1) * step
    found = _by_steps(session, monitor_id, first, step) if step < HOUR else hours
    places = [Stretch(first + place * step) for place in range((last - first) // step + 1)]
    for each in found:
        place = (each.begins - first) // step
        if 0 <= place < len(places):
            places[place] += each
    return places


def by_days(hours: Iterable[Stretch], span: str, zone: tzinfo) -> list[Day]:
    """Return a span day by day in a person's zone, newest first, gaps included.

    Where clocks are set back, one hour of the day stands for two; where they go forward, one is a gap.
    """
    today = utcnow().astimezone(zone).date()
    oldest = (utcnow() - WINDOWS[span]).astimezone(zone).date()
    dates = [today - place * DAY for place in range((today - oldest).days + 1)]
    days = {date: [Stretch(datetime(date.year, date.month, date.day, hour, tzinfo=zone)) for hour in range(24)] for date in dates}
    for each in hours:
        local = each.begins.astimezone(zone)
        if local.date() in days:
            days[local.date()][local.hour] += each
    return [Day(sum(day, Stretch(day[0].begins)), tuple(day)) for day in days.values()]


def _by_steps(session: DbSession, monitor_id: int, first: datetime, step: timedelta) -> list[Stretch]:
    seconds = int(step.total_seconds())
    number = _epoch(session) // seconds
    time = Check.response_time_ms
    sums = select(
        number.label("number"),
        func.count().filter(Check.up.is_(True)).label("up"),
        func.count().label("total"),
        func.count(time).label("timed"),
        func.coalesce(func.sum(time), 0).cast(BigInteger).label("response_ms_sum"),
        func.min(time).label("response_ms_min"),
        func.max(time).label("response_ms_max"),
    )
    sums = sums.where(Check.monitor_id == monitor_id, Check.checked_at >= first).group_by(number)
    return [_stretch(datetime.fromtimestamp(row.number * seconds, UTC), row) for row in session.execute(sums)]


def _epoch(session: DbSession) -> ColumnElement[int]:
    """Return when a check began, in whole seconds since 1970."""
    if is_sqlite(session):
        return func.strftime("%s", Check.checked_at).cast(BigInteger)
    return func.floor(extract("epoch", Check.checked_at)).cast(BigInteger)


def _floor(moment: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // step * step


def _stretch(begins: datetime, row: Row[*tuple[Any, ...]]) -> Stretch:
    return Stretch(begins, row.up, row.total, row.timed, row.response_ms_sum, row.response_ms_min, row.response_ms_max)


def _uptime(hours: Sequence[Stretch], part: Uptime) -> Uptime:
    return Uptime(part.up + sum(each.up for each in hours), part.total + sum(each.total for each in hours))
