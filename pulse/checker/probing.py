"""The thread that probes, and does nothing else."""

from collections import deque
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from time import monotonic

from pulse.checker.crowd import Crowd, Guest
from pulse.checker.worker import Worker
from pulse.clock import utcnow
from pulse.models.claim import Claim
from pulse.models.recording import Result
from pulse.probe import Outcome, Prober, Request

WAKE_SECONDS = 0.05
"""How long the thread may wait before it looks for new work."""
PATIENCE_SECONDS = 10.0
"""How long a claim may wait for a crowded target, before its slot passes without a check."""


class Probing(Worker):
    """Hands claims to a prober at the moment they are due, and gathers what comes of them; at the end drops what is not done."""

    name = "probing"

    def __init__(self, prober: Prober[Claim]) -> None:
        super().__init__()
        self._prober = prober
        self._new: deque[tuple[float, Claim, Request]] = deque()
        self._due: list[tuple[float, int, Claim, Request]] = []
        self._numbers = count()  # Decides between equal times, so that claims are never compared.
        self._crowd = Crowd()
        self._began: dict[Claim, tuple[datetime, Guest]] = {}
        self._passed: deque[Claim] = deque()
        self._results: deque[tuple[Claim, Result]] = deque()

    def add(self, claim: Claim, request: Request) -> None:
        """Have a claim probed when its slot comes, at once where that has passed."""
        wait = max(0.0, (claim.slot - utcnow()).total_seconds())
        self._new.append((monotonic() + wait, claim, request))

    def take(self) -> list[tuple[Claim, Result]]:
        """Return what has ended since; raises what ended the thread, if anything did."""
        self.check()
        return [self._results.popleft() for _ in range(len(self._results))]

    def take_passed(self) -> list[Claim]:
        """Return the claims that waited for a crowded target for too long."""
        return [self._passed.popleft() for _ in range(len(self._passed))]

    def work(self) -> None:
        """Probe what is due, again and again."""
        try:
            while not self._closing.is_set():
                self._passed.extend(late.claim for late in self._crowd.late(monotonic()))
                self._start_due()
                for claim, outcome in self._prober.poll(self._wait()):
                    self._results.append((claim, self._result(claim, outcome)))
        finally:
            self._prober.close()

    def _start_due(self) -> None:
        while self._new:
            at, claim, request = self._new.popleft()
            heappush(self._due, (at, next(self._numbers), claim, request))
        while self._due and self._due[0][0] <= monotonic():
            _, _, claim, request = heappop(self._due)
            guest = Guest(claim, request, monotonic() + PATIENCE_SECONDS)
            if self._crowd.enter(guest):
                self._begin(guest)

    def _begin(self, guest: Guest) -> None:
        self._began[guest.claim] = utcnow(), guest
        self._prober.start(guest.claim, guest.request)

    def _wait(self) -> float:
        return max(0.0, min(WAKE_SECONDS, self._due[0][0] - monotonic())) if self._due else WAKE_SECONDS

    def _result(self, claim: Claim, outcome: Outcome) -> Result:
        began, guest = self._began.pop(claim)
        for following in self._crowd.leave(guest):
            self._begin(following)
        return Result(claim.monitor_id, outcome, began, claim.slot, claim.fence)
