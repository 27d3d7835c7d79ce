"""A check at once, for both doors: limited, probed with no transaction open, recorded and judged like any other."""

from collections.abc import Generator
from contextlib import contextmanager

from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.check import Check
from pulse.models.monitor import GONE_MEANWHILE, Monitor
from pulse.models.monitor_request import asked_of
from pulse.models.recording import Result, record
from pulse.models.refusals import Conflict, RateLimited
from pulse.models.throttle import Throttle
from pulse.models.turn import Turn
from pulse.probe import Request, probe
from pulse.vault import Unreadable

AT_ONCE = 4
"""Manual checks of one team."""
SPARE_SECONDS = 15
"""How much longer than its probe a check may hold its turn: the time it takes to be written down."""


def run(monitor: Monitor) -> Check:
    """Check a monitor at once and return what came of it; raises `RateLimited`, and `Conflict` where it was deleted or
    changed meanwhile.

    It works on a paused one. What the session has open is committed first, so that nobody waits for the probe.
    """
    with _seat():
        monitor_id, request, asked = monitor.id, _request(monitor), asked_of(monitor)
        turn = _take_turn(monitor)
        try:
            result = Result(monitor_id, checked_at=utcnow(), outcome=probe(request, services().guard))
            monitor.hold_unchanged(db.session, asked)
            (check_id,) = record(db.session, [result])
            db.session.commit()
        finally:
            db.session.rollback()
            turn.give_back(db.session)
            db.session.commit()
    check = db.session.get(Check, check_id) if check_id is not None else None
    if check is None:
        raise Conflict(GONE_MEANWHILE)
    return check


@contextmanager
def _seat() -> Generator[None]:
    """Hold one of the threads that manual checks may hold."""
    seats = services().manual_checks
    if not seats.acquire(blocking=False):
        raise RateLimited("Too many manual checks are running. Wait a moment, then try again.", 1)
    try:
        yield
    finally:
        seats.release()


def _request(monitor: Monitor) -> Request:
    try:
        return monitor.request(services().vault)
    except Unreadable as error:
        raise Conflict(
            "This monitor's headers, body or credentials cannot be read: the service's secret was changed. Enter them again."
        ) from error


def _take_turn(monitor: Monitor) -> Turn:
    """Count the check and take one of its team's turns; both are committed."""
    turn = Turn.take(db.session, AT_ONCE, monitor.timeout_seconds + SPARE_SECONDS, "manual checks of team", str(monitor.team_id))
    if turn is None:
        db.session.rollback()
        raise RateLimited(f"This team already has {AT_ONCE} manual checks running. Wait until one finishes, then try again.", 1)
    limit = services().settings.rate("manual_check")
    if seconds := Throttle.hit(db.session, limit, "manual checks of monitor", str(monitor.id)):
        db.session.rollback()
        raise RateLimited(f"Too many manual checks of this monitor. Wait {seconds} s, then try again.", seconds)
    db.session.commit()
    return turn
