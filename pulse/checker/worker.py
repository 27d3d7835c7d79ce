"""A thread whose failure is not lost."""

from abc import ABC, abstractmethod
from threading import Event, Thread

PATIENCE_SECONDS = 2.0
"""How long the end of a thread is waited for."""


class Worker(ABC):
    """Does its `work` on a thread of its own, until it is closed; what that raises is raised again by `check`."""

    name: str

    def __init__(self) -> None:
        self._closing = Event()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name=self.name, daemon=True)

    @abstractmethod
    def work(self) -> None:
        """Work until `_closing` is set."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the work, if it ended so."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Have the work end, and wait for that for a moment."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - kept, and raised where somebody listens
            self._failure = error
