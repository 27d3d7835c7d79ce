"""Planned outages: spans in which checks go on, but open no incidents and tell nobody.

They are kept as the clock on the wall shows them in a timezone, so that "Sundays from 2 to 4" stays that when the clocks change.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.conditions import Standing
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.monitor import Monitor
from pulse.models.name import check_name
from pulse.models.refusals import Faults, Invalid, LimitReached
from pulse.models.scope import Scoped, check_monitor_ids, chosen, pairs

if TYPE_CHECKING:
    from pulse.models.team import Team

MOST = 100
"""Planned outages of one team."""
LOCAL = "%Y-%m-%dT%H:%M"
GONE = "This planned outage was already deleted."
MONITORS = pairs("planned_outage_monitors", "planned_outage_id = planned_outages", "monitor_id = monitors")


class Repeats(StrEnum):
    """How often it comes again."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def label(self) -> str:
        """The name people read."""
        return {"once": "One-time", "daily": "Daily", "weekly": "Weekly", "monthly": "Monthly"}[self.value]

    @property
    def longest(self) -> timedelta | None:
        """How long one may last, so that it ends before the next begins."""
        days = {"daily": 1, "weekly": 7, "monthly": 28}.get(self.value)
        return timedelta(days=days) if days else None


class OutageFields(TypedDict):
    """A whole planned outage as it is to be written; times as the clock on the wall shows them."""

    title: str
    repeats: str
    begins: datetime
    ends: datetime
    timezone: str
    monitor_ids: list[int] | None
    """None: all monitors."""


class PlannedOutage(Scoped, Base):
    """One planned outage of a team, and when it comes again."""

    __tablename__ = "planned_outages"
    __table_args__ = (Index("ix_planned_outages_team_id_id", "team_id", "id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    title: Mapped[str]
    repeats: Mapped[str]
    begins_text: Mapped[str] = mapped_column("begins")
    """Without a zone, `2026-03-29T02:00`: the first one's beginning on the wall."""
    ends_text: Mapped[str] = mapped_column("ends")
    timezone: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    monitors: Mapped[list[Monitor]] = relationship(secondary=MONITORS, order_by=(Monitor.name_folded, Monitor.id))

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, team_ids: Iterable[int]) -> Select[Self]:
        """Return the query for teams' planned outages, the oldest first."""
        return select(cls).where(cls.team_id.in_(team_ids)).order_by(cls.id)

    @classmethod
    def find(cls, session: DbSession, team_id: int, outage_id: int) -> "PlannedOutage | None":
        """Return a team's planned outage; another team's is not found."""
        return session.scalar(select(cls).where(cls.id == outage_id, cls.team_id == team_id).options(selectinload(cls.monitors)))

    @classmethod
    def silenced(cls, session: DbSession, standings: Sequence[Standing]) -> set[int]:
        """Return the ids of the monitors of which nothing is judged, since a planned outage covers their check."""
        outages = session.scalars(cls.of({each.team_id for each in standings}).options(selectinload(cls.monitors))).all()
        return {
            standing.monitor_id
            for outage in outages
            for standing in standings
            if standing.team_id == outage.team_id and outage.covers(standing.monitor_id) and outage.is_on(standing.checked_at)
        }

    # --- its life ----------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, session: DbSession, team: "Team", fields: OutageFields, by: Actor) -> "PlannedOutage":
        """Plan one; raises `Faults` and `LimitReached`."""
        team.hold(session)
        if (session.scalar(select(func.count()).where(cls.team_id == team.id)) or 0) >= MOST:
            raise LimitReached(f"A team can have at most {MOST} planned outages. Delete one first.", MOST)
        outage = cls(team_id=team.id, created_at=utcnow())
        outage._write(session, fields)
        session.add(outage)
        session.flush()
        outage._note(session, "planned_outage.created", by)
        return outage

    def change(self, session: DbSession, fields: OutageFields, by: Actor) -> None:
        """Write it anew; raises `Faults` and, when it was deleted meanwhile, `Conflict`."""
        hold(session, self, GONE)
        self._write(session, fields)
        session.flush()
        self._note(session, "planned_outage.changed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it: from now on its monitors are judged again."""
        hold(session, self, GONE)
        self._note(session, "planned_outage.deleted", by)
        session.delete(self)
        session.flush()

    # --- when it is --------------------------------------------------------------------------------------------

    @property
    def begins(self) -> datetime:
        """When the first one begins, as the clock on the wall shows it."""
        return datetime.strptime(self.begins_text, LOCAL)  # noqa: DTZ007 - the wall's own time

    @property
    def ends(self) -> datetime:
        """When the first one ends, as the clock on the wall shows it."""
        return datetime.strptime(self.ends_text, LOCAL)  # noqa: DTZ007 - the wall's own time

    def has_begun(self, moment: datetime) -> bool:
        """Tell whether the first one has begun at a moment."""
        return min(self._on_the_wall(self.begins)) <= moment

    def is_on(self, moment: datetime) -> bool:
        """Tell whether a moment lies within one of its occurrences; the end does not belong to it."""
        return any(begins <= moment < ends for begins, ends in self._around(moment))

    def next_after(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """Return the occurrence that goes on at a moment, else the next one, in UTC; None where there is none to come."""
        coming = [span for span in self._around(moment) if span[1] > moment]
        return min(coming, default=None)

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Return the occurrences that could matter at a moment: those that began lately, and the next."""
        first, lasts = self.begins, self.ends - self.begins
        for day in self._days(moment.astimezone(self._zone).date(), first.date(), lasts):
            begins = datetime.combine(day, first.time())
            # Where the clock leaps over an hour, or shows one twice, rather too long than too short.
            yield min(self._on_the_wall(begins)), max(self._on_the_wall(begins + lasts))

    def _days(self, today: date, first: date, lasts: timedelta) -> Iterator[date]:
        """Return the days on which an occurrence begins, from those that may still go on today to the next to come."""
        match Repeats(self.repeats):
            case Repeats.ONCE:
                yield first
            case Repeats.DAILY:
                near = _days_near(max(today, first), back=lasts.days + 2, ahead=2)
                yield from (each for each in near if each >= first)
            case Repeats.WEEKLY:
                near = _days_near(max(today, first), back=lasts.days + 8, ahead=8)
                yield from (each for each in near if each >= first and each.weekday() == first.weekday())
            case Repeats.MONTHLY:
                near = _days_near(max(today, first), back=lasts.days + 33, ahead=33)
                yield from (each for each in near if each >= first and each.day == min(first.day, _last_day(each)))

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def _on_the_wall(self, local: datetime) -> list[datetime]:
        """Return the moments at which the clock shows a time: two where it is set back, those around where it is set forward."""
        return [local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1)]

    # --- steps -------------------------------------------------------------------------------------------------

    def _write(self, session: DbSession, fields: OutageFields) -> None:
        monitors, unknown = chosen(session, Monitor, self.team_id, "monitor_ids", fields["monitor_ids"] or ())
        if faults := [*check_fields(fields), *unknown]:
            raise Faults(faults)
        self.title, self.repeats, self.timezone = check_name(fields["title"], "title"), fields["repeats"], fields["timezone"]
        self.begins_text, self.ends_text = fields["begins"].strftime(LOCAL), fields["ends"].strftime(LOCAL)
        self.covers_all, self.monitors = fields["monitor_ids"] is None, monitors

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, detail={"planned_outage": self.id, "title": self.title})
        Event.record(session, action, by, about)
        session.flush()


def check_fields(fields: OutageFields) -> Iterator[Invalid]:
    """Return all that is wrong with a whole planned outage."""
    for check in (lambda: check_name(fields["title"], "title"), lambda: check_monitor_ids(fields["monitor_ids"])):
        try:
            check()
        except Invalid as fault:
            yield fault
    if fields["repeats"] not in set(Repeats):
        yield Invalid("repeats", f"Choose one of {', '.join(Repeats)}.")
        return
    longest = Repeats(fields["repeats"]).longest
    if fields["ends"] <= fields["begins"]:
        yield Invalid("ends", "The end must be after the start.")
    elif longest is not None and fields["ends"] - fields["begins"] > longest:
        yield Invalid("ends", f"It must end before it starts again: within {longest.days * 24} hours.")
    elif longest is None and fields["ends"] <= utcnow().astimezone(ZoneInfo(fields["timezone"])).replace(tzinfo=None):
        yield Invalid("ends", "This lies in the past. Choose an end that is still to come, or an outage that repeats.")


def _days_near(day: date, *, back: int, ahead: int) -> Iterator[date]:
    for offset in range(-back, ahead + 1):
        try:
            yield day + timedelta(days=offset)
        except OverflowError:
            continue  # at the ends of the calendar


def _last_day(day: date) -> int:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day
