"""Notes when tokens are used, beside the request: it can neither fail nor delay one."""

import atexit
import threading
from collections import deque
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Engine, func, or_, update
from sqlalchemy.exc import SQLAlchemyError

from pulse.clock import utcnow
from pulse.logs import log
from pulse.models.api_key import Token

EVERY = timedelta(minutes=1)
"""A token's last use is written at most this often; its first use at once."""
RETRY_SECONDS = 1.0
SHUTDOWN_SECONDS = 3.0


class UseWriter:
    """Writes uses from a thread of its own, started at the first one, so after any fork."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: deque[tuple[int, datetime]] = deque()
        self._pending: set[int] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    def record(self, token_id: int, last_used_at: datetime | None) -> None:
        """Take note of a use now, unless one within the last minute is on record or on its way there."""
        now = utcnow()
        if token_id in self._pending or (last_used_at is not None and now - last_used_at < EVERY):
            return
        with self._wake:
            self._pending.add(token_id)
            self._waiting.append((token_id, now))
            if self._thread is None:
                self._start()
            self._wake.notify_all()

    def flush(self) -> None:
        """Wait until what was recorded so far is written."""
        with self._wake:
            self._wake.wait_for(lambda: not self._pending, SHUTDOWN_SECONDS)

    def close(self) -> None:
        """Write what is waiting, then end."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(SHUTDOWN_SECONDS)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="uses", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        while (use := self._next()) is not None:
            try:
                self._write(*use)
            except SQLAlchemyError as error:
                # Kept for the next try: a locked or absent database must not cost the record.
                log.error("use_not_written", failure=type(error).__name__)
                self._put_back(use)
                continue
            with self._wake:
                self._pending.discard(use[0])
                self._wake.notify_all()

    def _next(self) -> tuple[int, datetime] | None:
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None

    def _put_back(self, use: tuple[int, datetime]) -> None:
        with self._wake:
            if not self._closing:
                self._waiting.appendleft(use)
                self._wake.wait(RETRY_SECONDS)

    def _write(self, token_id: int, at: datetime) -> None:
        stale = or_(Token.last_used_at.is_(None), Token.last_used_at <= at - EVERY)
        used = update(Token).where(Token.id == token_id, stale)
        with self.engine.begin() as connection:
            connection.execute(used.values(last_used_at=at, first_used_at=func.coalesce(Token.first_used_at, at)))


def record(token_id: int, last_used_at: datetime | None) -> None:
    """Hand a use to this process's writer."""
    writer: UseWriter = current_app.extensions["pulse.uses"]
    writer.record(token_id, last_used_at)
