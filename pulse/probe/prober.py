"""Many probes at once on one thread, each from its name through its redirects to its outcome."""

from collections.abc import Hashable
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Generic, Self, TypeVar

import certifi
import pycurl

from pulse.addresses import AddressGuard
from pulse.probe.multi import Multi
from pulse.probe.outcome import Outcome, ProbeError
from pulse.probe.request import Request
from pulse.probe.resolver import Addresses, Lookup, Resolver, look_up
from pulse.probe.transfer import Transfer

_MOST_IDLE_HANDLES = 1024

Key = TypeVar("Key", bound=Hashable)


class _Flight(Generic[Key]):
    """A transfer with the caller's key, and what it is waiting for."""

    __slots__ = ("asked_at", "key", "transfer", "waits")

    def __init__(self, key: Key, transfer: Transfer) -> None:
        self.key = key
        self.transfer = transfer
        self.asked_at = 0.0
        self.waits = False


class Prober(Generic[Key]):
    """Makes any number of probes at once; to be used from one thread.

    `start` begins one under a key of the caller's, `poll` drives all of them and returns those that are done. Nothing that a
    network does raises. `ca_file` holds the trusted roots; raises FileNotFoundError where there is none.
    """

    def __init__(self, guard: AddressGuard, *, ca_file: str | None = None, lookup: Lookup = look_up) -> None:
        self._guard = guard
        self._ca_file = str(Path(ca_file or certifi.where()).resolve(strict=True))
        self._resolver = Resolver(lookup)
        self._multi = Multi(extra=self._resolver.fileno())
        self._flying: dict[pycurl.Curl, _Flight[Key]] = {}
        self._waiting: dict[str, list[_Flight[Key]]] = {}
        self._waiters = 0
        self._lookups: list[tuple[float, int, _Flight[Key]]] = []
        self._numbers = count()  # Decides between equal deadlines, so that flights are never compared.
        self._finished: list[tuple[Key, Outcome]] = []
        self._idle: list[pycurl.Curl] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """How many probes were started and not yet returned by `poll`."""
        return len(self._flying) + self._waiters + len(self._finished)

    def start(self, key: Key, request: Request) -> None:
        """Begin a probe; `poll` returns its outcome with `key`."""
        self._begin(_Flight(key, Transfer(request, self._guard)))

    def poll(self, timeout: float) -> list[tuple[Key, Outcome]]:
        """Wait at most `timeout` seconds for something to happen and return the probes that ended; often none yet."""
        if self._multi.wait(self._patience(timeout)):
            self._take_answers()
        self._end_late_lookups()
        self._collect()
        finished, self._finished = self._finished, []
        return finished

    def close(self) -> None:
        """Drop what is in flight and release every handle."""
        for curl in self._flying:
            self._multi.remove(curl)
        for curl in (*self._flying, *self._idle):
            curl.close()
        self._flying.clear()
        self._idle.clear()
        self._multi.close()
        self._resolver.close()

    def _begin(self, flight: _Flight[Key]) -> None:
        origin = flight.transfer.hop.origin
        known = self._resolver.known(origin.host) if origin.is_name else ()
        if known is None:
            self._look_up(flight, origin.host)
        else:
            self._launch(flight, known)

    def _look_up(self, flight: _Flight[Key], host: str) -> None:
        flight.asked_at, flight.waits = monotonic(), True
        self._waiters += 1
        self._waiting.setdefault(host, []).append(flight)
        heappush(self._lookups, (flight.transfer.deadline, next(self._numbers), flight))
        self._resolver.ask(host)

    def _launch(self, flight: _Flight[Key], addresses: Addresses) -> None:
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        flight.transfer.configure(curl, self._ca_file, addresses)
        self._flying[curl] = flight
        self._multi.add(curl)

    def _take_answers(self) -> None:
        for host, addresses in self._resolver.drain():
            for flight in self._waiting.pop(host, ()):
                if flight.waits:
                    self._answered(flight, addresses)

    def _answered(self, flight: _Flight[Key], addresses: Addresses) -> None:
        self._stop_waiting(flight)
        if addresses:
            self._launch(flight, addresses)
        else:
            self._finished.append((flight.key, flight.transfer.abandoned(ProbeError.DNS_FAILED)))

    def _end_late_lookups(self) -> None:
        """A system's resolver cannot be hurried or stopped: leave it behind at the deadline."""
        now = monotonic()
        while self._lookups and (self._lookups[0][0] <= now or not self._lookups[0][2].waits):
            flight = heappop(self._lookups)[2]
            if flight.waits:
                self._stop_waiting(flight)
                self._finished.append((flight.key, flight.transfer.abandoned(ProbeError.TIMEOUT)))

    def _stop_waiting(self, flight: _Flight[Key]) -> None:
        flight.waits = False
        self._waiters -= 1
        flight.transfer.resolve_took(monotonic() - flight.asked_at)

    def _collect(self) -> None:
        for curl, code in self._multi.ended():
            self._multi.remove(curl)
            flight = self._flying.pop(curl)
            self._conclude(flight, flight.transfer.failed(curl, code) if code else flight.transfer.succeeded(curl))
            self._retire(curl)

    def _conclude(self, flight: _Flight[Key], outcome: Outcome | None) -> None:
        if outcome is None:
            self._begin(flight)
        else:
            self._finished.append((flight.key, outcome))

    def _retire(self, curl: pycurl.Curl) -> None:
        if len(self._idle) < _MOST_IDLE_HANDLES:
            self._idle.append(curl)
        else:
            curl.close()

    def _patience(self, timeout: float) -> float:
        if self._finished:
            return 0.0
        return min(timeout, self._lookups[0][0] - monotonic()) if self._lookups else timeout


def probe(
    request: Request,
    guard: AddressGuard,
    *,
    ca_file: str | None = None,
    lookup: Lookup = look_up,
) -> Outcome:
    """Make one probe and wait for its outcome, at most its timeout."""
    with Prober[None](guard, ca_file=ca_file, lookup=lookup) as prober:
        prober.start(None, request)
        while True:
            for _, outcome in prober.poll(request.timeout):
                return outcome
