"""The queue of checks: monitors that are due are claimed in batches, each by one checker at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update

from pulse.batch import Batch
from pulse.clock import utcnow
from pulse.db import INSERTS, DbSession
from pulse.models.grid import anchor_of, next_slot
from pulse.models.monitor import Monitor
from pulse.models.monitor_request import Stored
from pulse.plans import INTERVALS

LEASE = timedelta(seconds=4)
"""How long a claim holds unless it is renewed: less than the shortest interval, so that a dead checker's slots are not missed."""
SLACK = timedelta(seconds=60)
"""How far ahead of where it can be a time may lie before the clock is known to have been set back."""


@dataclass(eq=False, slots=True)
class Claim:
    """The right and duty to check a monitor for one of its slots; each is one of a kind."""

    monitor_id: int
    slot: datetime
    fence: int
    team_id: int
    asked: Stored = field(repr=False)
    """What `request_of` makes the probe's request of."""


ASKED = (
    Monitor.url,
    Monitor.method,
    Monitor.timeout_seconds,
    Monitor.expected_status,
    Monitor.verify_tls,
    Monitor.headers_sealed,
    Monitor.body_sealed,
    Monitor.auth_sealed,
    Monitor.certificate_read_at,
)
"""The columns of an `Stored`."""
_is_free = or_(Monitor.lease_until.is_(None), Monitor.lease_until <= bindparam("now"))
_due = (
    select(Monitor.id)
    .where(Monitor.next_check_at <= bindparam("until"), _is_free)
    .order_by(Monitor.next_check_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True)
    .cte("due")
)
CLAIMS = (
    update(Monitor)
    .where(Monitor.id.in_(select(_due.c.id)))
    .values(lease_until=bindparam("lease"), fence=Monitor.fence + 1)
    .returning(Monitor.id, Monitor.next_check_at, Monitor.fence, Monitor.team_id, *ASKED)
)
NEXT = select(func.min(Monitor.next_check_at)).where(_is_free)
"""Both made once: putting them together costs as much as a dozen claims."""
_held = update(Monitor).where(Monitor.id == bindparam("of"), Monitor.fence == bindparam("at_fence"), Monitor.paused_at.is_(None))
HOLDS = Batch(dict.fromkeys(INSERTS, _held))
ANCHORS = Batch(dict.fromkeys(INSERTS, update(Monitor).where(Monitor.id == bindparam("of")).values(anchored_at=bindparam("at"))))


def claim(session: DbSession, limit: int, until: datetime) -> list[Claim]:
    """Claim at most `limit` monitors that are due at `until` or before; commit before probing them."""
    now = utcnow()
    rows = session.connection().execute(CLAIMS, {"now": now, "until": until, "most": limit, "lease": now + LEASE})
    claims = [Claim(row.id, row.next_check_at, row.fence, row.team_id, cast("Stored", row)) for row in rows]
    return sorted(claims, key=lambda each: each.slot)


def next_due(session: DbSession) -> datetime | None:
    """Return when the next monitor is due that nobody holds."""
    return session.scalar(NEXT, {"now": utcnow()})


def renew(session: DbSession, claims: Sequence[Claim]) -> None:
    """Hold claims for longer; what another checker took up meanwhile stays with that."""
    values = {"lease_until": utcnow() + LEASE}
    HOLDS.write(session.connection(), [{"of": each.monitor_id, "at_fence": each.fence, **values} for each in claims])


def release(session: DbSession, claims: Iterable[Claim]) -> None:
    """Give claims back unchecked: another checker takes them up at once."""
    for each in claims:
        session.execute(update(Monitor).where(*_still(each)).values(lease_until=None))


def skip(session: DbSession, claims: Sequence[Claim]) -> None:
    """Let the slots pass without a check, as where none can be made."""
    for each in claims:
        query = select(Monitor.anchored_at, Monitor.interval_seconds).where(*_still(each)).with_for_update(key_share=True)
        row = session.execute(query).first()
        if row is not None:
            after = next_slot(row.anchored_at, row.interval_seconds, max(utcnow(), each.slot))
            session.execute(update(Monitor).where(*_still(each)).values(next_check_at=after, lease_until=None))


def realign(session: DbSession) -> int:
    """Take up monitors whose next slot lies further ahead than one interval, after the clock was set back; return how many.

    Their grid begins anew, since the old one's slots of that time have their checks already.
    """
    now, moved = utcnow(), 0
    session.execute(update(Monitor).where(Monitor.lease_until > now + LEASE + SLACK).values(lease_until=None))
    for seconds in INTERVALS:
        far = now + timedelta(seconds=seconds) + SLACK
        lost = update(Monitor).where(Monitor.next_check_at > far, Monitor.interval_seconds == seconds)
        again = lost.values(next_check_at=now, lease_until=None, fence=Monitor.fence + 1).returning(Monitor.id)
        ids = session.scalars(again.execution_options(synchronize_session=False)).all()
        if ids:
            ANCHORS.write(session.connection(), [{"of": each, "at": anchor_of(each, seconds, now)} for each in ids])
        moved += len(ids)
    return moved


def _still(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return Monitor.id == claim.monitor_id, Monitor.fence == claim.fence, Monitor.paused_at.is_(None)
