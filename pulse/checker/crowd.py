"""How many probes may be under way at once: to one target, and for one team, so that nobody uses us to flood another."""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pulse.models.claim import Claim
from pulse.probe import Request, origin_of

MOST_TO_ONE_TARGET = 20
"""Probes at once of one host and port, whoever's monitors they are of."""
MOST_FOR_ONE_TEAM = 200

Place = tuple[str, int] | int
"""A target's host and port, or a team's id."""


@dataclass(eq=False, slots=True)
class Guest:
    """A probe that wants to begin, and until when it is of any use."""

    claim: Claim
    request: Request
    until: float
    places: tuple[Place, Place] = field(init=False)
    """Where it needs room: at its target, and among its team's."""

    def __post_init__(self) -> None:
        _, host, port, _ = origin_of(self.request.url)
        self.places = (host, port), self.claim.team_id


class Crowd:
    """Counts the probes that are under way, and has others wait where there is no room: in the order of their coming."""

    def __init__(self) -> None:
        self._inside: defaultdict[Place, int] = defaultdict(int)
        self._queues: dict[Place, deque[Guest]] = {}

    def enter(self, guest: Guest) -> bool:
        """Count a probe in; one for which there is no room waits."""
        full = self._full(guest)
        if full is None:
            for place in guest.places:
                self._inside[place] += 1
        else:
            self._queues.setdefault(full, deque()).append(guest)
        return full is None

    def leave(self, guest: Guest) -> Iterator[Guest]:
        """Count a probe out; return those that waited for its room, and are counted in now."""
        for place in guest.places:
            self._inside[place] -= 1
            if not self._inside[place]:
                del self._inside[place]
        for place in guest.places:
            if place in self._queues:
                yield from self._admitted(place)

    def late(self, now: float) -> Iterator[Guest]:
        """Return those that have waited for too long, and let them go."""
        for place, queue in list(self._queues.items()):
            while queue and queue[0].until < now:
                yield queue.popleft()
            if not queue:
                del self._queues[place]

    def _admitted(self, place: Place) -> Iterator[Guest]:
        queue = self._queues[place]
        while queue and self._full(queue[0]) != place:
            guest = queue.popleft()
            # There may be none at its other place: then it waits there.
            if self.enter(guest):
                yield guest

    def _full(self, guest: Guest) -> Place | None:
        target, team = guest.places
        if self._inside.get(target, 0) >= MOST_TO_ONE_TARGET:
            return target
        return team if self._inside.get(team, 0) >= MOST_FOR_ONE_TEAM else None
