"""Reads of the API on SQLite, one at a time: they take turns anyway, and fighting for each step costs more than the steps."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pulse.routing import is_api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE_SECONDS = 0.01
"""How long a read waits for those before it, each of which takes a hundredth of that; behind a long one it goes ahead."""


class Turnstile:
    """Lets one read of the API through at a time.

    Python runs one thread at a time, and each statement and each line of the log offers the turn to whichever thread
    waits. With eight threads busy a request so costs three times what it costs alone. What waits for a body or for the
    lock to write is not held up here: a read takes in no body.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._free = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] != "GET" or not is_api(environ["PATH_INFO"]):
            return self._app(environ, start_response)
        passed = self._free.acquire(timeout=PATIENCE_SECONDS)
        try:
            return self._app(environ, start_response)
        finally:
            if passed:
                self._free.release()
