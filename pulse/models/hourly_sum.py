"""Hourly sums: what a monitor's checks of one hour come to, kept longer than some plans keep the checks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, case, delete, exists, or_, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from pulse.batch import Batch
from pulse.clock import utcnow
from pulse.db import INSERTS, Base, BigId, DbSession
from pulse.models.monitor import Monitor

HOUR = timedelta(hours=1)
KEPT = timedelta(days=30) + HOUR
"""Until the hour has left the longest window; on every plan."""
SWEPT_AT_ONCE = 1000


class HourlySum(Base):
    """One hour of a monitor, written together with its checks. No hour without a check has a row.

    A deleted monitor's rows stay for a while: they are removed little by little, so that nobody waits for it.
    """

    __tablename__ = "hourly_sums"
    __table_args__ = ({"sqlite_with_rowid": False},)

    monitor_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    """When the hour begins, in UTC."""
    up: Mapped[int]
    total: Mapped[int]
    timed: Mapped[int]
    """How many checks have a response time; the rest got no whole reply."""
    response_ms_sum: Mapped[int]
    response_ms_min: Mapped[int | None]
    response_ms_max: Mapped[int | None]

    @classmethod
    def add(cls, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Add what `sum_of` returned for new checks."""
        ADDS.write(connection, rows)

    @classmethod
    def of(cls, monitor_ids: Sequence[int], since: datetime) -> Select[Any]:
        """Return the query for monitors' hours from `since` on, each monitor's in order."""
        query = select(*cls.__table__.c).where(cls.monitor_id.in_(monitor_ids), cls.hour >= since)
        return query.order_by(cls.monitor_id, cls.hour)

    @classmethod
    def sweep(cls, session: DbSession) -> int:
        """Remove at most a thousand hours that nobody asks for any more; return how many. Commit, and call again."""
        oldest = hour_of(utcnow() - KEPT)
        old = exists().where(cls.monitor_id == Monitor.id, cls.hour < oldest)
        monitors = session.scalars(select(Monitor.id).where(old).limit(SWEPT_AT_ONCE)).all()
        if not monitors:
            return 0
        keys = select(cls.monitor_id, cls.hour).where(cls.monitor_id.in_(monitors), cls.hour < oldest).limit(SWEPT_AT_ONCE)
        return len(session.execute(delete(cls).where(tuple_(cls.monitor_id, cls.hour).in_(keys)).returning(cls.hour)).all())


def hour_of(moment: datetime) -> datetime:
    """Return when the hour of a UTC time began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def sum_of(monitor_id: int, checked_at: datetime, response_time_ms: int | None, *, up: bool) -> dict[str, Any]:
    """Return the sum of one check."""
    return {
        "monitor_id": monitor_id,
        "hour": hour_of(checked_at),
        "up": int(up),
        "total": 1,
        "timed": int(response_time_ms is not None),
        "response_ms_sum": response_time_ms or 0,
        "response_ms_min": response_time_ms,
        "response_ms_max": response_time_ms,
    }


def _add(insert: Any) -> Any:
    new = insert.excluded
    summed = {name: getattr(HourlySum, name) + new[name] for name in ("up", "total", "timed", "response_ms_sum")}
    least, most = HourlySum.response_ms_min, HourlySum.response_ms_max
    # Written so that a missing time, on either side, leaves the other one.
    ends = {
        "response_ms_min": case((or_(least.is_(None), new["response_ms_min"] < least), new["response_ms_min"]), else_=least),
        "response_ms_max": case((or_(most.is_(None), new["response_ms_max"] > most), new["response_ms_max"]), else_=most),
    }
    return insert.on_conflict_do_update(index_elements=[HourlySum.monitor_id, HourlySum.hour], set_=summed | ends)


ADDS = Batch({database: _add(insert(HourlySum)) for database, insert in INSERTS.items()})
