"""How many probes may be under way at once: to one target, and for one team, so that nobody uses us to flood another."""

from collections import Counter
from urllib.parse import urlsplit

from pulse.models.claim import Claim
from pulse.probe import Request

MOST_TO_ONE_TARGET = 20
"""Probes at once of one host and port, whoever's monitors they are of."""
MOST_FOR_ONE_TEAM = 200


class Crowd:
    """Counts the probes that are under way."""

    def __init__(self) -> None:
        self._counts: Counter[str | int] = Counter()

    def enter(self, claim: Claim, request: Request) -> bool:
        """Count a probe in, if there is room for it."""
        target = urlsplit(request.url).netloc
        if self._counts[target] >= MOST_TO_ONE_TARGET or self._counts[claim.team_id] >= MOST_FOR_ONE_TEAM:
            return False
        self._counts.update((target, claim.team_id))
        return True

    def leave(self, claim: Claim, request: Request) -> None:
        """Count a probe out."""
        for place in (urlsplit(request.url).netloc, claim.team_id):
            self._counts[place] -= 1
            if self._counts[place] <= 0:
                del self._counts[place]
