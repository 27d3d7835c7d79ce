"""The checker: claims due monitors, probes many at once, records what came of it; beside that it sends mail and clears up.

Three threads: one probes and does nothing else, so that a slow database delays no start and no reply; one (the caller's)
claims and records; one does the chores. Any number of checkers may run against one database.
"""

from pulse.checker.chores import Chores
from pulse.checker.loop import Checker, run, run_once

__all__ = ["Checker", "Chores", "run", "run_once"]
