"""How often a key, its owner in a team, and a stranger's address may ask."""

import math
import threading
import time
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

    def hit(self, limit: Limit, *subject: str) -> Window:
        """Count one request of `subject`; a window that is overdrawn has -1 remaining."""
        if self._shared is not None and time.monotonic() >= self._gone_until:
            try:
                return _hit(self._shared, limit.item, subject)
            except StorageError as error:
                self._gone_until = time.monotonic() + RETRY_REDIS_SECONDS
                log.error("redis_unavailable", failure=type(error).__name__, counting="in this process")
        return self._local.hit(max(1, limit.amount // self._workers), limit.seconds, subject)

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
            kept = self._windows.get(seconds)
            if kept is None or kept[0] != number:
                kept = self._windows[seconds] = number, {}
            counts = kept[1]
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


def per_minute(amount: int) -> Limit:
    """Return the limit of `amount` requests a minute."""
    return Limit.of(RateLimitItemPerMinute(amount))


LIMITS = {plan: (per_minute(amount), per_minute(amount * OWNER_FACTOR)) for plan, amount in AMOUNTS.items()}
"""By plan: a key's own limit, and that of all keys of its owner in the team."""


def count(traced: Trace, key_id: int, user_id: int, team_id: int, plan: Plan) -> None:
    """Count one request of a key against its own limit and its owner's in the team, and tell the tighter; raises `Problem`.

    What a key sends beyond its own limit is not counted for its owner: it would use up what the owner's other keys may ask.
    """
    limiter: Limiter = traced.extensions["pulse.limits"]
    own, shared = LIMITS[plan]
    tightest = limiter.hit(own, "key", str(key_id))
    if tightest.remaining >= 0:
        together = limiter.hit(shared, "owner", str(user_id), str(team_id))
        tightest = together if together.remaining < tightest.remaining else tightest
    traced.headers += (
        ("X-RateLimit-Limit", str(tightest.limit)),
        ("X-RateLimit-Remaining", str(max(0, tightest.remaining))),
        ("X-RateLimit-Reset", str(tightest.reset)),
    )
    _refuse_overdrawn(tightest)


def count_stranger(traced: Trace) -> None:
    """Count one request without a known token; raises `Problem` when its address has sent too many."""
    limiter: Limiter = traced.extensions["pulse.limits"]
    _refuse_overdrawn(limiter.hit_stranger(traced.environ.get("REMOTE_ADDR")))


def _refuse_overdrawn(window: Window) -> None:
    if window.remaining < 0:
        seconds = max(1, math.ceil(window.reset - time.time()))
        raise Problem("rate_limited", headers={"Retry-After": str(seconds)}, retry_after=seconds)
