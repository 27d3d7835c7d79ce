"""Results of checks become rows: set-based, once per slot, together with what they change."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from pulse.batch import Batch
from pulse.clock import utcnow
from pulse.db import INSERTS, DbSession
from pulse.models.check import Check, CheckType
from pulse.models.conditions import Standing
from pulse.models.grid import next_slot
from pulse.models.hourly_sum import HourlySum, sum_of
from pulse.models.judging import judge
from pulse.models.monitor import Monitor
from pulse.probe import Outcome


class Result(NamedTuple):
    """What came of one probe. A scheduled one has the slot and the fence it was claimed with, a manual one has neither."""

    monitor_id: int
    outcome: Outcome
    checked_at: datetime
    """When it began."""
    slot: datetime | None = None
    fence: int | None = None


HELD = (
    select(
        Monitor.id,
        Monitor.team_id,
        Monitor.name,
        Monitor.paused_at,
        Monitor.interval_seconds,
        Monitor.anchored_at,
        Monitor.fence,
        Monitor.failures,
        Monitor.successes,
        Monitor.last_checked_at,
        Monitor.certificate_expires_at,
    )
    .where(Monitor.id.in_(bindparam("ids", expanding=True)))
    .order_by(Monitor.id)
    .with_for_update(key_share=True)
)
SLOT = (Check.monitor_id, Check.slot)
ADDS = Batch(
    {
        database: insert(Check).on_conflict_do_nothing(index_elements=SLOT).returning(Check.monitor_id, Check.id)
        for database, insert in INSERTS.items()
    }
)
MONITOR = (Monitor.id == bindparam("of"), Monitor.fence == bindparam("at_fence"))
MOVES = Batch(dict.fromkeys(INSERTS, update(Monitor).where(*MONITOR)))


def record(session: DbSession, results: Sequence[Result]) -> list[int | None]:
    """Write results in the caller's transaction; return their checks' ids, None for those that do not count.

    Dropped are scheduled results of monitors that were deleted, paused, changed or claimed anew meanwhile, manual ones
    of deleted monitors, and a slot's second result. Incidents and mails appear together with the checks or not at all.
    What the session has loaded of these monitors is stale until the commit.
    """
    session.flush()
    ids: list[int | None] = [None] * len(results)
    for places in _rounds(results):
        written = _record(session, [results[place] for place in places])
        for place in places:
            ids[place] = written.get(results[place].monitor_id)
    return ids


def _rounds(results: Sequence[Result]) -> list[list[int]]:
    """Part the results, in order, so that a monitor occurs at most once in each part: nearly always there is one."""
    rounds: list[list[int]] = []
    seen: Counter[int] = Counter()
    for place, result in enumerate(results):
        if seen[result.monitor_id] == len(rounds):
            rounds.append([])
        rounds[seen[result.monitor_id]].append(place)
        seen[result.monitor_id] += 1
    return rounds


def _record(session: DbSession, results: Sequence[Result]) -> dict[int, int]:
    connection = session.connection()
    rows = {row.id: row for row in connection.execute(HELD, {"ids": [each.monitor_id for each in results]})}
    counting = [each for each in results if _counts(each, rows.get(each.monitor_id))]
    written = _insert(connection, counting)
    new = [_standing(rows[each.monitor_id], each, written) for each in counting if _is_news(each, rows[each.monitor_id], written)]
    if written:
        HourlySum.add(connection, [_sum(each) for each in counting if each.monitor_id in written])
    _move(connection, counting, rows, new)
    if new:
        judge(session, new)
    return written


def _is_news(result: Result, row: Row[*tuple[Any, ...]], written: dict[int, int]) -> bool:
    """Tell whether a check says how its monitor does now: a slow one may come after one that began later."""
    if result.monitor_id not in written:
        return False
    # One from the future is no measure: the clock was set back since.
    return row.last_checked_at is None or row.last_checked_at <= result.checked_at or row.last_checked_at > utcnow()


def _counts(result: Result, row: Row[*tuple[Any, ...]] | None) -> bool:
    if row is None or result.fence is None:
        return row is not None
    return row.fence == result.fence and row.paused_at is None


def _insert(connection: Connection, results: Sequence[Result]) -> dict[int, int]:
    """Add the checks; return each new one's id by its monitor's."""
    if not results:
        return {}
    added = ADDS.insert(connection, [_check(each) for each in results])
    return {row.monitor_id: row.id for row in added}


def _check(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    timings = outcome.timings
    return {
        "monitor_id": result.monitor_id,
        "type": _type(result),
        "slot": result.slot,
        "checked_at": result.checked_at,
        "up": outcome.up,
        "http_status_code": outcome.http_status_code,
        "response_time_ms": outcome.response_time_ms,
        "error": outcome.error.value if outcome.error else None,
        "dns_us": timings.dns or None,
        "connect_us": timings.connect or None,
        "tls_us": timings.tls or None,
        "first_byte_us": timings.first_byte or None,
    }


def _sum(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return sum_of(result.monitor_id, result.checked_at, outcome.response_time_ms, up=outcome.up)


def _type(result: Result) -> str:
    return (CheckType.MANUAL if result.fence is None else CheckType.SCHEDULED).value


def _standing(row: Row[*tuple[Any, ...]], result: Result, written: dict[int, int]) -> Standing:
    outcome = result.outcome
    return Standing(
        monitor_id=row.id,
        team_id=row.team_id,
        name=row.name,
        up=outcome.up,
        failures=0 if outcome.up else row.failures + 1,
        checked_at=result.checked_at,
        before=row.last_checked_at,
        check_id=written[row.id],
        http_status_code=outcome.http_status_code,
        response_time_ms=outcome.response_time_ms,
        certificate_expires_at=outcome.certificate_expires_at or row.certificate_expires_at,
    )


def _move(
    connection: Connection,
    results: Sequence[Result],
    rows: dict[int, Row[*tuple[Any, ...]]],
    new: Sequence[Standing],
) -> None:
    """Bring the monitors to where their checks have led them: streaks, last check, next slot."""
    now = utcnow()
    standings = {each.monitor_id: each for each in new}
    by_shape: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        row = rows[result.monitor_id]
        values = _schedule(row, result, now)
        if (standing := standings.get(result.monitor_id)) is not None:
            values |= _newest(row, result, standing)
        if values:
            by_shape[tuple(values)].append({"of": row.id, "at_fence": row.fence, **values})
    for moves in by_shape.values():
        MOVES.write(connection, moves)


def _schedule(row: Row[*tuple[Any, ...]], result: Result, now: datetime) -> dict[str, Any]:
    """Return what a slot's check changes of the schedule; a manual one changes nothing."""
    if result.slot is None:
        return {}
    after = max(now, result.slot)
    return {"next_check_at": next_slot(row.anchored_at, row.interval_seconds, after), "lease_until": None}


def _newest(row: Row[*tuple[Any, ...]], result: Result, standing: Standing) -> dict[str, Any]:
    outcome = result.outcome
    newest = {
        "failures": standing.failures,
        "successes": row.successes + 1 if outcome.up else 0,
        "last_check_id": standing.check_id,
        "last_type": _type(result),
        "last_up": outcome.up,
        "last_http_status_code": outcome.http_status_code,
        "last_response_time_ms": outcome.response_time_ms,
        "last_error": outcome.error.value if outcome.error else None,
        "last_checked_at": result.checked_at,
    }
    if outcome.certificate_expires_at is None:
        return newest
    return newest | {"certificate_expires_at": outcome.certificate_expires_at, "certificate_read_at": result.checked_at}
