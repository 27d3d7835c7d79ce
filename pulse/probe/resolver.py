"""Names to addresses, in threads of our own.

libcurl resolves in 20 threads at most, which this binding cannot raise, and waits for them when it is closed: 200 monitors of
names whose servers are silent would hold up every other name for as long as the system's resolver tries.
"""

import socket
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from time import monotonic

MOST_THREADS = 256
# Shorter than the shortest interval: a monitor's every check sees the name anew, many monitors of one name ask once.
KEPT_SECONDS = 2.0
_MOST_KEPT = 4096

Addresses = tuple[str, ...]
Lookup = Callable[[str], Addresses]


def look_up(host: str) -> Addresses:
    """Return the addresses of `host` in the system's order; raises OSError or UnicodeError where there are none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


class Resolver:
    """Looks up many names at once. Used from one thread; `fileno` becomes readable when there are answers to `drain`."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._questions: SimpleQueue[str | None] = SimpleQueue()
        self._answers: deque[tuple[str, Addresses]] = deque()
        self._asked: set[str] = set()
        self._kept: dict[str, tuple[float, Addresses]] = {}
        self.threads = 0
        """How many were started; none ends before `close`."""

        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._bell.fileno()

    def known(self, host: str) -> Addresses | None:
        """Return the addresses of `host` if they were found a moment ago."""
        kept_until, addresses = self._kept.get(host, (0.0, ()))
        return addresses if monotonic() < kept_until else None

    def ask(self, host: str) -> None:
        """Have `host` looked up, once however often it is asked for meanwhile."""
        if host in self._asked:
            return
        self._asked.add(host)
        if self.threads < min(len(self._asked), MOST_THREADS):
            self.threads += 1
            # Daemons: a process that ends does not wait for name servers.
            Thread(target=self._work, name="resolver", daemon=True).start()
        self._questions.put(host)

    def drain(self) -> list[tuple[str, Addresses]]:
        """Return the new answers; no addresses means that there is no such name, or no answer."""
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            return []
        answers = [self._answers.popleft() for _ in range(len(self._answers))]
        for host, addresses in answers:
            self._asked.discard(host)
            self._keep(host, addresses)
        return answers

    def close(self) -> None:
        """Let the threads end, each when its lookup does; waits for none."""
        for _ in range(self.threads):
            self._questions.put(None)
        self._bell.close()
        self._ringer.close()

    def _keep(self, host: str, addresses: Addresses) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        if addresses:
            self._kept[host] = (monotonic() + KEPT_SECONDS, addresses)

    def _work(self) -> None:
        while (host := self._questions.get()) is not None:
            self._answers.append((host, self._answer(host)))
            try:
                self._ringer.send(b"\0")
            except BlockingIOError:
                continue  # It is full of rings already.
            except OSError:
                return  # Closed meanwhile.

    def _answer(self, host: str) -> Addresses:
        try:
            return self._lookup(host)
        except (OSError, UnicodeError):
            return ()
