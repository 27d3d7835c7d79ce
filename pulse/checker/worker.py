"""A thread whose failure is not lost."""

from collections.abc import Callable
from threading import Thread


class Worker:
    """Runs `work` on a thread of its own; what it raises is raised again by `check`."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._work = work
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the work, if it ended so."""
        if self._failure is not None:
            raise self._failure

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - kept, and raised where somebody listens
            self._failure = error
