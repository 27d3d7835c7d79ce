"""How often a key, its owner in a team, and a stranger's address may ask."""

import math
import threading
import time
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

from pulse.addresses import network_of
from pulse.config import Settings
from pulse.logs import Trace, log
from pulse.plans import Plan
from pulse.problems import Problem

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


class Limiter:
    """Counts in Redis where there is one, else in this process's memory, up to its share of the limit.

    When Redis is gone each process goes on counting for itself, at its share: never open, never an error.
    """

    def __init__(self, settings: Settings) -> None:
        self._workers = settings.workers
        self._stranger = settings.rate("unauthenticated")
        self._local = LocalWindows()
        self._shared = _shared(settings)
        self._gone_until = 0.0

    def hit(self, limit: RateLimitItem, *subject: str) -> Window:
        """Count one request of `subject`; a window that is overdrawn has -1 remaining."""
        if self._shared is not None and time.monotonic() >= self._gone_until:
            try:
                return _hit(self._shared, limit, subject)
            except StorageError as error:
                self._gone_until = time.monotonic() + RETRY_REDIS_SECONDS
                log.error("redis_unavailable", failure=type(error).__name__, counting="in this process")
        return self._local.hit(max(1, limit.amount // self._workers), limit.get_expiry(), subject)

    def hit_stranger(self, address: str | None) -> Window:
        """Count one request without a known token from `address`."""
        return self.hit(self._stranger, "stranger", network_of(address))


class LocalWindows:
    """Counts within fixed windows in this process.

    In place of the library's memory storage, which starts a timer's thread again and again and costs more than the key
    check itself.
    """

    def __init__(self) -> None:
        self._windows: dict[int, tuple[int, dict[tuple[str, ...], int]]] = {}
        self._lock = threading.Lock()

    def hit(self, amount: int, seconds: int, subject: tuple[str, ...]) -> Window:
        """Count one request of `subject`, of which `amount` are allowed in so many seconds."""
        number = int(time.time()) // seconds
        with self._lock:
            current, counts = self._windows.get(seconds, (number, {}))
            if current != number:
                counts = {}
            self._windows[seconds] = (number, counts)
            count = counts[subject] = counts.get(subject, 0) + 1
        return Window(amount, amount - count if count <= amount else -1, (number + 1) * seconds)


def _shared(settings: Settings) -> FixedWindowRateLimiter | None:
    if settings.redis_url is None:
        return None
    patience: dict[str, float | str | bool] = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    url = settings.redis_url.get_secret_value()
    return FixedWindowRateLimiter(RedisStorage(url, wrap_exceptions=True, **patience))  # pyright: ignore[reportArgumentType]


def _hit(limiter: FixedWindowRateLimiter, limit: RateLimitItem, subject: tuple[str, ...]) -> Window:
    within = limiter.hit(limit, *subject)
    stats = limiter.get_window_stats(limit, *subject)
    return Window(limit.amount, stats.remaining if within else -1, math.ceil(stats.reset_time))


@lru_cache
def per_minute(amount: int) -> RateLimitItem:
    """Return the limit of `amount` requests a minute."""
    return RateLimitItemPerMinute(amount)


def count(traced: Trace, key_id: int, user_id: int, team_id: int, plan: Plan) -> None:
    """Count one request of a key against its own limit and its owner's in the team, and tell the tighter; raises `Problem`.

    What a key sends beyond its own limit is not counted for its owner: it would use up what the owner's other keys may ask.
    """
    limiter, amount = _limiter(), plan.limits.requests_per_minute
    tightest = limiter.hit(per_minute(amount), "key", str(key_id))
    if tightest.remaining >= 0:
        together = limiter.hit(per_minute(amount * OWNER_FACTOR), "owner", str(user_id), str(team_id))
        tightest = min(tightest, together, key=lambda window: window.remaining)
    traced.headers += (
        ("X-RateLimit-Limit", str(tightest.limit)),
        ("X-RateLimit-Remaining", str(max(0, tightest.remaining))),
        ("X-RateLimit-Reset", str(tightest.reset)),
    )
    _refuse_overdrawn(tightest)


def count_stranger(address: str | None) -> None:
    """Count one request without a known token; raises `Problem` when its address has sent too many."""
    _refuse_overdrawn(_limiter().hit_stranger(address))


def _refuse_overdrawn(window: Window) -> None:
    if window.remaining < 0:
        seconds = max(1, math.ceil(window.reset - time.time()))
        raise Problem("rate_limited", headers={"Retry-After": str(seconds)}, retry_after=seconds)


def _limiter() -> Limiter:
    return current_app.extensions["pulse.limits"]
