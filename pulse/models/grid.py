"""When a monitor is due: on a grid of its own, so that nothing drifts and nothing is made up for."""

from datetime import datetime, timedelta


def next_slot(anchor: datetime, interval_seconds: int, after: datetime) -> datetime:
    """Return the first time after `after` that lies a whole number of intervals from `anchor`.

    Slots that were missed are skipped: a pause, a restart or a slow target is followed by one check, not by many.
    """
    interval = timedelta(seconds=interval_seconds)
    return anchor + max(0, (after - anchor) // interval + 1) * interval
