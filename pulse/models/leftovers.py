"""What deleted monitors leave behind: their checks and sums go little by little, so that nobody waits for it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, func, select, tuple_

from pulse.db import DbSession
from pulse.models.check import Check
from pulse.models.hourly_sum import HourlySum
from pulse.models.monitor import Monitor

MOST = 20
"""How many deleted monitors are looked for at once."""
REMOVED_AT_ONCE = 1000


def left_by(session: DbSession) -> Sequence[int]:
    """Return some deleted monitors' ids that still have checks or sums; it only reads."""
    return sorted({*session.scalars(_orphans(Check)), *session.scalars(_orphans(HourlySum))})[:MOST]


def remove(session: DbSession, monitor_ids: Sequence[int]) -> int:
    """Remove at most a thousand checks, and as many sums, of deleted monitors; return how many. Commit, and call again."""
    checks = select(Check.id).where(Check.monitor_id.in_(monitor_ids)).limit(REMOVED_AT_ONCE)
    removed = len(session.execute(delete(Check).where(Check.id.in_(checks)).returning(Check.id)).all())
    keys = select(HourlySum.monitor_id, HourlySum.hour).where(HourlySum.monitor_id.in_(monitor_ids)).limit(REMOVED_AT_ONCE)
    gone = delete(HourlySum).where(tuple_(HourlySum.monitor_id, HourlySum.hour).in_(keys))
    return removed + len(session.execute(gone.returning(HourlySum.hour)).all())


def _orphans(table: type[Check | HourlySum]) -> Select[Any]:
    """Jump from one monitor to the next in the index: the work is that of the monitors, however many rows each has."""
    seen = select(func.min(table.monitor_id).label("id")).cte("seen", recursive=True)
    following = select(func.min(table.monitor_id)).where(table.monitor_id > seen.c.id).scalar_subquery()
    seen = seen.union_all(select(following).select_from(seen).where(seen.c.id.is_not(None)))
    known = exists().where(Monitor.id == seen.c.id)
    return select(seen.c.id).where(seen.c.id.is_not(None), ~known).limit(MOST)
