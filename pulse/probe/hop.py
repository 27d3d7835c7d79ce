"""One request of a probe, and the next one where the reply is a redirect."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from pulse.addresses import is_literal, normalise_url
from pulse.probe.request import WITH_BODY, Request

MOST_REDIRECTS = 5
FOLLOWED = frozenset({301, 302, 303, 307, 308})

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What a browser calls an origin; `host` without brackets, and whether it is a name that has to be looked up."""

    scheme: str
    host: str
    port: int
    is_name: bool


@lru_cache(maxsize=4096)
def origin_of(url: str) -> Origin:
    """Return the origin of a normalised URL. Kept, because the same URLs come back every minute."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return Origin(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme], not is_literal(host))


@dataclass(frozen=True, slots=True)
class Hop:
    """One request as it is sent: `lines` are the monitor's own headers and credentials."""

    url: str
    method: str
    lines: tuple[str, ...] = ()
    body: bytes | None = None
    number: int = 0

    @classmethod
    def first(cls, request: Request) -> "Hop":
        """Return what is sent first."""
        return cls(
            request.url,
            request.method,
            request.header_lines(),
            request.body if request.method in WITH_BODY else None,
        )

    @property
    def origin(self) -> "Origin":
        """Where it is sent."""
        return origin_of(self.url)

    def redirected(self, status: int, location: str) -> "Hop":
        """Return the request that a redirect asks for; raises `InvalidUrl` where `location` (absolute) is none to follow.

        The method changes as in browsers. The monitor's headers, credentials and body go no further than its own origin: once
        they are dropped, no later redirect brings them back.
        """
        method = self._method_after(status)
        body = self.body if method == self.method else None
        following = Hop(normalise_url(location), method, self.lines, body, self.number + 1)
        if following.origin == self.origin:
            return following
        return Hop(following.url, method, number=following.number)

    def _method_after(self, status: int) -> str:
        if status == 303 and self.method not in ("GET", "HEAD"):
            return "GET"
        return "GET" if status in (301, 302) and self.method == "POST" else self.method
