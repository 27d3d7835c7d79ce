"""The checker: claims due monitors, probes many at once, records what came of it; beside that it sends mail, notifies, clears up.

Four threads: one probes and does nothing else, so that a slow database delays no start and no reply; one (the caller's)
claims and records; one hands notices to webhooks; one sends mail and does the chores. Any number of checkers may run
against one database.
"""

from pulse.checker.chores import Chores
from pulse.checker.delivering import Delivering
from pulse.checker.loop import Checker, run, run_once

__all__ = ["Checker", "Chores", "Delivering", "run", "run_once"]
