"""Notes who uses which token, beside the request: it can neither fail nor delay one.

A request leaves one tuple in a queue. A thread of each process adds them up and writes them every other second, so that
at most so much is lost when the process is killed; a token's first use is written at once.
"""

import atexit
import threading
from collections import deque
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pulse.api.operations import OPERATIONS
from pulse.db import is_outage
from pulse.logs import kind_of, log
from pulse.models import key_notices
from pulse.models.key_counting import LONGEST_USER_AGENT, Tally, Use, record, stamp
from pulse.tokens import hidden
from pulse.tracing import Trace

FLUSH_SECONDS = 2.0
RETRY_SECONDS = 1.0
BETWEEN_SECONDS = 0.1
"""How long the database is left to others between two parts: those who wait for SQLite's lock look for it no oftener."""
SHUTDOWN_SECONDS = 3.0
FLUSHED_SECONDS = 30.0
MOST_WAITING = 100_000
"""How many requests, and how many counts made of them, wait for a database that is away; further ones go uncounted."""


class UseWriter:
    """Adds uses up and writes them from a thread of its own, started at the first one, so after any fork."""

    def __init__(self, engine: Engine, *, every: float = FLUSH_SECONDS) -> None:
        self.engine = engine
        self._every = every
        self._arrived: deque[Use] = deque()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wanted = self._done = 0
        """How many times a flush was asked for, and up to which of them all is written."""
        self._closing = False

    def note(self, use: Use, *, at_once: bool) -> None:
        """Take one use; written with the next ones, or at once."""
        if len(self._arrived) < MOST_WAITING:
            self._arrived.append(use)
        if self._thread is None:
            self._start()
        if at_once:
            with self._condition:
                self._wanted += 1
                self._condition.notify_all()

    def flush(self) -> None:
        """Wait until what was noted so far is written."""
        with self._condition:
            if self._thread is None:
                return
            self._wanted += 1
            mine = self._wanted
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._done >= mine, FLUSHED_SECONDS)

    def close(self) -> None:
        """Write what is waiting, then end."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(SHUTDOWN_SECONDS)

    def _start(self) -> None:
        with self._condition:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="uses", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        tally, closing = Tally(), False
        while not closing:
            with self._condition:
                self._condition.wait_for(lambda: self._closing or self._wanted > self._done, self._every)
                closing, wanted = self._closing, self._wanted
            self._take(tally)
            if self._written(tally):
                tally = Tally()
                with self._condition:
                    self._done = wanted
                    self._condition.notify_all()
            elif not closing:
                # Kept for the next try: a locked or absent database must not cost the record.
                self._pause(RETRY_SECONDS)

    def _pause(self, seconds: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._closing, seconds)

    def _take(self, tally: Tally) -> None:
        while self._arrived and tally.counts < MOST_WAITING:
            tally.add(self._arrived.popleft())

    def _written(self, tally: Tally) -> bool:
        """Write, and tell whether the tally is done with; what is not written for an outage stays in it."""
        for part in tally.parts():
            if not self._part_written(part):
                return False
            tally.remove(part)
            if tally:
                self._pause(BETWEEN_SECONDS)
        return True

    def _part_written(self, part: Tally) -> bool:
        try:
            with Session(self.engine) as session, session.begin():
                key_notices.tell_of_new_networks(session, record(session, part))
                stamp(session, part)
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must go on counting
            if isinstance(error, SQLAlchemyError) and is_outage(error):
                log.error("uses_not_written", failure=kind_of(error))
                return False
            # What is refused once is refused for ever, and must not keep all others waiting.
            log.error("uses_dropped", exc_info=error, requests=part.requests)
        return True


def note(traced: Trace, status: int, now: datetime) -> None:
    """Hand a request, if it named a token, to the process's writer."""
    if (token := traced.token) is None:
        return
    environ = traced.environ
    operation, ability = described(traced.asked.endpoint)
    use = Use(
        token.id,
        now,
        operation,
        ability,
        status,
        traced.code or "",
        environ.get("REMOTE_ADDR") or "",
        hidden(environ.get("HTTP_USER_AGENT", "").replace("\0", ""))[:LONGEST_USER_AGENT],
        token.live,
    )
    traced.services.uses.note(use, at_once=token.live and not token.is_used)


@lru_cache(maxsize=500)
def described(endpoint: str | None) -> tuple[str, str]:
    """Return how a view is called in the record of uses, and the ability it asks for."""
    operation = OPERATIONS.get(endpoint or "")
    if operation is None:
        return "", ""
    return f"{operation.method} {operation.address}", operation.ability.value if operation.ability else ""
