"""Checks: one request each, and its recorded result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import ColumnElement, Index, Select, String, case, delete, exists, func, literal, select, text, true, tuple_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.hourly_sum import HOUR, HourlySum, hour_of
from pulse.models.monitor import Monitor
from pulse.models.team import Team
from pulse.plans import Plan

SWEPT_AT_ONCE = 1000
WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


class CheckType(StrEnum):
    """Why a check was made."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class Status(StrEnum):
    """What a check found."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Uptime:
    """How many of a span's checks were up."""

    up: int
    total: int

    @property
    def percent(self) -> float | None:
        """The share in percent; None where there was no check."""
        return 100 * self.up / self.total if self.total else None


class Check(Base):
    """One result. A slot of a monitor's schedule has at most one, and the database holds it to that.

    A deleted monitor's checks stay for a while, found by nobody, since everybody comes by the monitor: they are removed
    little by little, so that nobody waits for it.
    """

    __tablename__ = "checks"
    __table_args__ = (
        # Manual checks have no slot, and rows without one are never equal here.
        Index("uq_checks_slot", "monitor_id", "slot", unique=True),
        Index("ix_checks_monitor_id_checked_at_id", "monitor_id", "checked_at", "id"),
        # The failed ones are few, and looked for among many.
        Index(
            "ix_checks_failed",
            "monitor_id",
            "checked_at",
            "id",
            sqlite_where=text("up IS 0"),
            postgresql_where=text("up IS FALSE"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    monitor_id: Mapped[int]
    type: Mapped[str]
    slot: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """When a scheduled check was due."""
    checked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """When it began."""
    up: Mapped[bool]
    http_status_code: Mapped[int | None]
    response_time_ms: Mapped[int | None]
    error: Mapped[str | None]
    dns_us: Mapped[int | None]
    """How long each phase took, in microseconds, summed over redirects; None for a phase that did not happen."""
    connect_us: Mapped[int | None]
    tls_us: Mapped[int | None]
    first_byte_us: Mapped[int | None]
    """From a connection that was ready to the first byte of the reply."""

    @hybrid_property
    def status(self) -> str:
        """Its `Status`, in Python and in queries."""
        return Status.UP if self.up else Status.DOWN

    @status.inplace.expression
    @classmethod
    def _status(cls) -> ColumnElement[str]:
        return case((cls.up.is_(True), Status.UP.value), else_=Status.DOWN.value).cast(String)

    @classmethod
    def of(
        cls,
        monitor_id: int,
        *,
        status: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's word
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Select[Self]:
        """Return the query for a monitor's checks, newest first; `since` is included, `until` is not."""
        query = select(cls).where(cls.monitor_id == monitor_id).order_by(cls.checked_at.desc(), cls.id.desc())
        if status is not None:
            query = query.where(cls.up.is_(status == Status.UP))
        if type is not None:
            # By its slot, which an index knows: the few manual ones are looked for among many.
            query = query.where(cls.slot.is_(None) if type == CheckType.MANUAL else cls.type == type)
        if since is not None:
            query = query.where(cls.checked_at >= since)
        return query if until is None else query.where(cls.checked_at < until)

    @classmethod
    def before(cls, checked_at: datetime, check_id: int) -> ColumnElement[bool]:
        """Return the condition for what comes after that check in the order of `of`: the next page."""
        return tuple_(cls.checked_at, cls.id) < tuple_(literal(checked_at, UTCDateTime), literal(check_id, BigId))

    @classmethod
    def uptime(cls, session: DbSession, monitor_id: int) -> dict[str, Uptime]:
        """Return up and all checks over 24h, 7d and 30d."""
        return cls.uptime_of(session.execute(cls.counted(monitor_id)).first())

    @classmethod
    def uptime_of(cls, counts: Sequence[int] | None) -> dict[str, Uptime]:
        """Return what the one row of `counted` says; without a row there was no check."""
        counts = counts or [0] * 2 * len(WINDOWS)
        return {name: Uptime(*counts[place : place + 2]) for name, place in zip(WINDOWS, range(0, len(counts), 2), strict=True)}

    @classmethod
    def counted(cls, monitor_id: int) -> Select[*tuple[Any, ...]]:
        """Return the query for up and all checks in each window; it has no row where there is no such monitor.

        Whole hours come from their sums, the part of an hour that each window begins with from the checks themselves.
        """
        begins = [utcnow() - span for span in WINDOWS.values()]
        whole = [hour_of(begin) + HOUR for begin in begins]
        sums = select(
            *(func.sum(each).filter(HourlySum.hour >= first) for first in whole for each in (HourlySum.up, HourlySum.total))
        )
        summed = sums.where(HourlySum.monitor_id == monitor_id, HourlySum.hour >= min(whole)).subquery()
        parts = [
            count
            for begin, end in zip(begins, whole, strict=True)
            for count in (cls._counted(monitor_id, begin, end).where(cls.up.is_(True)), cls._counted(monitor_id, begin, end))
        ]
        counts = [
            func.coalesce(hours, 0).cast(BigId) + part.scalar_subquery() for hours, part in zip(summed.c, parts, strict=True)
        ]
        return select(*counts).select_from(Monitor).join(summed, true()).where(Monitor.id == monitor_id)

    @classmethod
    def _counted(cls, monitor_id: int, begin: datetime, end: datetime) -> Select[int]:
        return select(func.count()).where(cls.monitor_id == monitor_id, cls.checked_at > begin, cls.checked_at < end)

    @classmethod
    def sweep(cls, session: DbSession) -> int:
        """Remove at most a thousand checks older than their team's plan keeps; return how many. Commit, and call again."""
        return sum(cls._sweep_plan(session, plan) for plan in Plan)

    @classmethod
    def _sweep_plan(cls, session: DbSession, plan: Plan) -> int:
        """Take the monitors first: each has its old checks at one end of an index, whatever the size of the table."""
        oldest = utcnow() - timedelta(days=plan.limits.history_days)
        old = exists().where(cls.monitor_id == Monitor.id, cls.checked_at < oldest)
        of_plan = select(Monitor.id).join(Team, Team.id == Monitor.team_id).where(Team.plan_name == plan.value, old)
        monitors = session.scalars(of_plan.limit(SWEPT_AT_ONCE)).all()
        if not monitors:
            return 0
        ids = select(cls.id).where(cls.monitor_id.in_(monitors), cls.checked_at < oldest).limit(SWEPT_AT_ONCE)
        return len(session.execute(delete(cls).where(cls.id.in_(ids)).returning(cls.id)).all())
