"""When a monitor is due: on a grid of its own, so that nothing drifts and nothing is made up for."""

from datetime import datetime, timedelta

GOLDEN = 2654435769
"""2 to the 32nd by the golden ratio: its multiples, cut to 32 bit, lie apart from one another however many there are."""


def anchor_of(number: int, interval_seconds: int, now: datetime) -> datetime:
    """Return where the grid begins of the monitor with that id: it is checked now, and then after half an interval or more.

    Monitors that are made at one moment, as by a script, are not all checked at one moment ever after.
    """
    share = number * GOLDEN % 2**32 / 2**32
    return now - timedelta(milliseconds=int(share * interval_seconds * 1000 / 2))


def next_slot(anchor: datetime, interval_seconds: int, after: datetime) -> datetime:
    """Return the first time after `after` that lies a whole number of intervals from `anchor`.

    Slots that were missed are skipped: a pause, a restart or a slow target is followed by one check, not by many.
    """
    interval = timedelta(seconds=interval_seconds)
    return anchor + max(0, (after - anchor) // interval + 1) * interval
