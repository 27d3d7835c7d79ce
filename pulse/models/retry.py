"""When what could not be sent is tried again: later each time."""

from datetime import timedelta

FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
MOST_DOUBLINGS = 10
"""More than it takes to reach the longest; days of tries would make a number that no time span can hold."""


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait after so many tries: twice as long each time, up to an hour."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempts - 1, MOST_DOUBLINGS))
