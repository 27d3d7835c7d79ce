"""Bodies are taken in a few at a time, so that slow senders never hold all threads of a process."""

from io import BytesIO
from threading import BoundedSemaphore
from typing import Any

from pulse.problems import Problem

FREE = 2
"""Threads that are left to requests without a body: pages, reads of the API, health."""
PATIENCE_SECONDS = 0.02
"""How long a request waits for its turn: a body that is there already is read in far less, and waiting holds a thread."""


class Bodies:
    """Seats for requests whose body is being read, which is waited for however slowly it comes."""

    def __init__(self, threads: int) -> None:
        self._seats = BoundedSemaphore(max(1, threads - FREE))

    def take_in(self, environ: dict[str, Any], most: int) -> None:
        """Read a request's body, of at most so many bytes; raises `Problem` when too many are being read already.

        One that is announced as longer is left unread, for it is refused. One without a length gets the one it has.
        """
        length = environ.get("CONTENT_LENGTH") or "0"
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        if not chunked and not (length.isdecimal() and 0 < int(length) <= most):
            return
        body = self._read(environ["wsgi.input"], most + 1 if chunked else int(length))
        environ["wsgi.input"] = BytesIO(body)
        if chunked:
            del environ["HTTP_TRANSFER_ENCODING"]
            environ["CONTENT_LENGTH"] = str(len(body))

    def _read(self, stream: Any, size: int) -> bytes:
        if not self._seats.acquire(timeout=PATIENCE_SECONDS):
            raise Problem("unavailable", "Too many requests are being read. Try again shortly.", {"Retry-After": "1"})
        try:
            return stream.read(size)
        finally:
            self._seats.release()
