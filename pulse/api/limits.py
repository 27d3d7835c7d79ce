"""How often a key, its owner in a team, and a stranger's address may ask."""

import math
import sys
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

from pulse.addresses import network_of
from pulse.config import Settings
from pulse.logs import log
from pulse.plans import API_PLANS, Plan
from pulse.problems import Problem
from pulse.tracing import Trace

AMOUNTS = {plan: plan.limits.requests_per_minute for plan in API_PLANS}
OWNER_FACTOR = 3
"""All keys of one owner in one team together may ask this many times what one key may."""
PATIENCE_SECONDS = 0.25
"""How long Redis may take to answer before this process counts for itself."""
RETRY_REDIS_SECONDS = 5


class Window(NamedTuple):
    """What is left of one limit, and when it begins anew (epoch seconds)."""

    limit: int
    remaining: int
    reset: int


class Limit(NamedTuple):
    """So many requests within so many seconds, and the same in the words of the library that counts in Redis."""

    amount: int
    seconds: int
    item: RateLimitItem

    @classmethod
    def of(cls, item: RateLimitItem) -> "Limit":
        """Read it once: the library works out its length anew each time it is asked."""
        return cls(item.amount, item.get_expiry(), item)


Subject = tuple[str | int, ...]
"""Whose requests are counted together."""
Hit = tuple[Limit, Subject]


class Limiter:
    """Counts in Redis where there is one, else in this process's memory, up to its share of the limit.

    When Redis is gone each process goes on counting for itself, at its share: never open, never an error.
    """

    def __init__(self, settings: Settings) -> None:
        self._workers = settings.workers
        self._stranger = Limit.of(settings.rate("unauthenticated"))
        self._local = LocalWindows()
        self._shared = _shared(settings)
        self._gone_until = 0.0

    def hit(self, limit: Limit, *subject: str | int) -> Window:
        """Count one request of `subject`; a window that is overdrawn has -1 remaining."""
        return self.hit_in_turn((limit, subject))

    def hit_in_turn(self, *hits: Hit) -> Window:
        """Count one request of each subject, up to the first that is overdrawn; return the window with the least remaining."""
        if self._shared is not None and time.monotonic() >= self._gone_until:
            try:
                return _hit_in_turn(self._shared, hits)
            except StorageError as error:
                self._gone_until = time.monotonic() + RETRY_REDIS_SECONDS
                log.error("redis_unavailable", failure=type(error).__name__, counting="in this process")
        return self._local.hit_in_turn(hits, self._workers)

    def hit_stranger(self, address: str | None) -> Window:
        """Count one request without a known token from `address`."""
        return self.hit(self._stranger, "stranger", network_of(address))


class LocalWindows:
    """Counts within fixed windows in this process.

    In place of the library's memory storage, which starts a timer's thread again and again and costs more than the key
    check itself.
    """

    def __init__(self) -> None:
        self._windows: dict[int, tuple[int, dict[Subject, int]]] = {}
        self._lock = threading.Lock()

    def hit_in_turn(self, hits: Sequence[Hit], sharers: int) -> Window:
        """Count as `Limiter` does, where each of so many processes may use up its share of the limits."""
        now, least, told = time.time(), sys.maxsize, (0, 0)
        with self._lock:
            for limit, subject in hits:
                seconds, amount = limit.seconds, limit.amount // sharers or 1
                number = int(now // seconds)
                kept = self._windows.get(seconds)
                if kept is None or kept[0] != number:
                    kept = self._windows[seconds] = number, {}
                count = kept[1][subject] = kept[1].get(subject, 0) + 1
                if amount - count < least:
                    least, told = amount - count, (amount, (number + 1) * seconds)
                if least < 0:
                    break
        return Window(told[0], max(least, -1), told[1])


def _shared(settings: Settings) -> FixedWindowRateLimiter | None:
    if settings.redis_url is None:
        return None
    patience: dict[str, float | str | bool] = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    url = settings.redis_url.get_secret_value()
    return FixedWindowRateLimiter(RedisStorage(url, wrap_exceptions=True, **patience))  # pyright: ignore[reportArgumentType]


def _hit_in_turn(limiter: FixedWindowRateLimiter, hits: Sequence[Hit]) -> Window:
    windows: list[Window] = []
    for limit, subject in hits:
        names = tuple(map(str, subject))
        within = limiter.hit(limit.item, *names)
        stats = limiter.get_window_stats(limit.item, *names)
        windows.append(Window(limit.amount, stats.remaining if within else -1, math.ceil(stats.reset_time)))
        if not within:
            break
    return min(windows, key=lambda window: window.remaining)


def per_minute(amount: int) -> Limit:
    """Return the limit of `amount` requests a minute."""
    return Limit.of(RateLimitItemPerMinute(amount))


LIMITS = {plan: (per_minute(amount), per_minute(amount * OWNER_FACTOR)) for plan, amount in AMOUNTS.items()}
"""By plan: a key's own limit, and that of all keys of its owner in the team."""


def count(traced: Trace, key_id: int, user_id: int, team_id: int, plan: Plan) -> None:
    """Count one request of a key against its own limit and its owner's in the team, and tell the tighter; raises `Problem`.

    What a key sends beyond its own limit is not counted for its owner: it would use up what the owner's other keys may ask.
    """
    own, shared = LIMITS[plan]
    tightest = traced.services.limiter.hit_in_turn((own, ("key", key_id)), (shared, ("owner", user_id, team_id)))
    traced.headers += (
        ("X-RateLimit-Limit", str(tightest.limit)),
        ("X-RateLimit-Remaining", str(tightest.remaining) if tightest.remaining > 0 else "0"),
        ("X-RateLimit-Reset", str(tightest.reset)),
    )
    if tightest.remaining < 0:
        raise _overdrawn(tightest)


def count_stranger(traced: Trace) -> None:
    """Count one request without a known token; raises `Problem` when its address has sent too many."""
    window = traced.services.limiter.hit_stranger(traced.environ.get("REMOTE_ADDR"))
    if window.remaining < 0:
        raise _overdrawn(window)


def _overdrawn(window: Window) -> Problem:
    seconds = max(1, math.ceil(window.reset - time.time()))
    return Problem("rate_limited", headers={"Retry-After": str(seconds)}, retry_after=seconds)
