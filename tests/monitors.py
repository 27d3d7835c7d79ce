"""Monitors and their checks, made the way the product makes them."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import update

from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.claim import Claim, claim
from pulse.models.monitor import Monitor
from pulse.models.monitor_fields import MonitorFields
from pulse.models.recording import Result, record
from pulse.probe import Outcome, ProbeError
from tests.factories import Person

GOOD = Outcome(up=True, http_status_code=200, response_time_ms=12)
BAD = Outcome(up=False, http_status_code=503, response_time_ms=9, error=ProbeError.UNEXPECTED_STATUS)


def make_monitor(person: Person, **fields: Any) -> Monitor:
    """Create a monitor in the person's team; a name and a public address, unless other fields are given."""
    whole = cast("MonitorFields", {"name": "Shop", "url": "https://shop.example.com/"} | fields)
    monitor = Monitor.create(db.session, person.team, whole, vault=services().vault, guard=services().guard, by=person.actor)
    db.session.commit()
    return monitor


def change(monitor: Monitor, person: Person, **fields: Any) -> None:
    """Write some fields of a monitor."""
    monitor.change(db.session, cast("MonitorFields", fields), vault=services().vault, guard=services().guard, by=person.actor)
    db.session.commit()


def assert_next_slot(monitor: Monitor, after: datetime) -> None:
    """Hold a monitor to its grid: it is due at the first slot after a time."""
    interval = timedelta(seconds=monitor.interval_seconds)
    assert monitor.next_check_at is not None
    assert after < monitor.next_check_at <= after + interval
    assert (monitor.next_check_at - monitor.anchored_at) % interval == timedelta(0)


def make_due(*monitors: Monitor, at: datetime | None = None) -> None:
    """Let monitors be due now."""
    due = update(Monitor).where(Monitor.id.in_([each.id for each in monitors]))
    db.session.execute(due.values(next_check_at=at or utcnow(), lease_until=None))
    db.session.commit()


def claimed(monitor: Monitor) -> Claim:
    """Let a monitor be due, and claim it."""
    make_due(monitor)
    claims = claim(db.session, 10, utcnow())
    db.session.commit()
    return next(each for each in claims if each.monitor_id == monitor.id)


def check(monitor: Monitor, *outcomes: Outcome, at: datetime | None = None) -> list[int | None]:
    """Record manual checks, one after the other; return their ids."""
    begins = at or utcnow()
    ids: list[int | None] = []
    for place, outcome in enumerate(outcomes):
        ids += record(db.session, [Result(monitor.id, outcome, begins + timedelta(milliseconds=place))])
        db.session.commit()
    return ids


def scheduled(claimed: Claim, outcome: Outcome = GOOD) -> Result:
    """Return the result of a claimed check."""
    return Result(claimed.monitor_id, outcome, utcnow(), claimed.slot, claimed.fence)
