"""Bodies are taken in a few at a time, so that slow senders never hold all threads of a process."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from threading import Condition
from typing import Any

from pulse.addresses import network_of
from pulse.problems import Problem

FREE = 2
"""Threads that are left to requests without a body: pages, reads of the API, health."""
SHARE = 3
"""One of so many seats, rounded down, is the most that one client's slow bodies hold: the others are left to everybody else."""
PATIENCE_SECONDS = 0.02
"""How long a request waits for its turn: a body that is there already is read in far less, and waiting holds a thread."""


class Bodies:
    """Seats for requests whose body is being read, which is waited for however slowly it comes."""

    def __init__(self, threads: int) -> None:
        self._seats = max(1, threads - FREE)
        self._share = max(1, self._seats // SHARE)
        self._taken: Counter[str] = Counter()
        """By the client's network."""
        self._changed = Condition()

    def take_in(self, environ: dict[str, Any], most: int) -> None:
        """Read a request's body, of at most so many bytes; raises `Problem` when too many are being read already.

        One that is announced as longer is left unread, for it is refused. One without a length gets the one it has.
        """
        length = environ.get("CONTENT_LENGTH") or "0"
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        if not chunked and not (length.isdecimal() and 0 < int(length) <= most):
            return
        with self._seat(network_of(environ.get("REMOTE_ADDR"))):
            body = environ["wsgi.input"].read(most + 1 if chunked else int(length))
        environ["wsgi.input"] = BytesIO(body)
        if chunked:
            del environ["HTTP_TRANSFER_ENCODING"]
            environ["CONTENT_LENGTH"] = str(len(body))

    @contextmanager
    def _seat(self, client: str) -> Generator[None]:
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(client), PATIENCE_SECONDS):
                raise Problem("unavailable", "Too many requests are being read. Try again shortly.", {"Retry-After": "1"})
            self._taken[client] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[client] -= 1
                if not self._taken[client]:
                    del self._taken[client]
                self._changed.notify_all()

    def _has_room(self, client: str) -> bool:
        return self._taken.total() < self._seats and self._taken[client] < self._share
