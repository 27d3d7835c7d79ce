"""Which failures of the database pass by themselves, and how long to wait for that."""

from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pulse.db import is_outage

SHORTEST_SECONDS = 0.25
LONGEST_SECONDS = 5.0

log = structlog.get_logger("pulse")


class Patience:
    """Takes steps against a database that may be away: after each failure it waits longer, up to a few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.seconds = 0.0
        """How long to wait before the next step; 0 when all is well."""

    def attempt(self, step: Callable[[], None]) -> bool:
        """Take a step; return whether it went well. An outage is told in the log, anything else raises."""
        try:
            step()
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            self.seconds = min(LONGEST_SECONDS, self.seconds * 2 or SHORTEST_SECONDS)
            log.exception("database_unavailable", part=self._name, retry_seconds=self.seconds, exc_info=error)
            return False
        if self.seconds:
            log.info("database_available", part=self._name)
        self.seconds = 0.0
        return True
