"""What a probe asks for, and what a monitor's headers and credentials may be."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

MOST_HEADERS = 20
LONGEST_NAME = 256
LONGEST_VALUE = 4096

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_BEARER = re.compile(r"[\x21-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

# Set by the connection and the body themselves: another value would desynchronise the two ends, name another site than the one
# that was judged, or hide who is asking.
RESERVED = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)


class InvalidHeaders(ValueError):
    """Headers or credentials that cannot be sent; its text tells the person why."""


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a monitor's headers with their values trimmed; raises `InvalidHeaders` with a sentence for people.

    At most 20, each a token of up to 256 characters with a value of up to 4,096 of printable ASCII. Those in `RESERVED` belong to
    the connection and are refused: Host, Content-Length, Transfer-Encoding, Connection, User-Agent and their kin.
    """
    if len(headers) > MOST_HEADERS:
        raise InvalidHeaders(f"Use at most {MOST_HEADERS} headers.")
    if len({name.lower() for name in headers}) < len(headers):
        raise InvalidHeaders("Use each header only once.")
    return {name: _checked(name, value.strip(" \t")) for name, value in headers.items()}


def _checked(name: str, value: str) -> str:
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise InvalidHeaders("A header name can have letters, digits and hyphens, and at most 256 characters.")
    if name.lower() in RESERVED:
        raise InvalidHeaders(f"The header {name} is set by Pulse and cannot be changed.")
    if len(value) > LONGEST_VALUE or not _VALUE.fullmatch(value):
        raise InvalidHeaders(f"The value of {name} must be one line of printable ASCII, at most {LONGEST_VALUE:,} characters.")
    return value


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Credentials of HTTP Basic; raises `InvalidHeaders` where they cannot be sent."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if ":" in self.username or _CONTROL.search(self.username) or _CONTROL.search(self.password):
            raise InvalidHeaders("Leave colons out of the username, and control characters out of the username and password.")

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A bearer token; raises `InvalidHeaders` where it cannot be sent."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.token) > LONGEST_VALUE or not _BEARER.fullmatch(self.token):
            raise InvalidHeaders(f"The token must be printable ASCII without spaces, at most {LONGEST_VALUE:,} characters.")

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask of a target. `url` is one that `normalise_url` made; `timeout` is in seconds and covers everything.

    `auth` wins over an Authorization among `headers`. Raises ValueError for what could not be sent as it stands.
    """

    url: str
    method: str = "GET"
    timeout: float = 30.0
    expected_status: int = 200
    verify_tls: bool = True
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes | None = field(default=None, repr=False)
    auth: BasicAuth | BearerAuth | None = field(default=None, repr=False)
    wants_certificate: bool = False
    """Whether to read when the certificate ends: it costs a sixth of a TLS check, and the answer changes every few weeks."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"unknown method {self.method!r}")
        if not self.url.isascii() or not self.url.startswith(("http://", "https://")):
            raise ValueError("the URL is not a normalised one")
        if self.timeout <= 0:
            raise ValueError("the timeout must be positive")
        if self.headers:
            check_headers(self.headers)

    def header_lines(self) -> tuple[str, ...]:
        """Return the monitor's own headers and its credentials as lines."""
        if not self.headers and self.auth is None:
            return ()
        named = {name: value.strip(" \t") for name, value in self.headers.items()}
        if self.auth is not None:
            named = {name: value for name, value in named.items() if name.lower() != "authorization"}
            named["Authorization"] = self.auth.header
        return tuple(_line(name, value) for name, value in named.items())


def _line(name: str, value: str) -> str:
    # libcurl reads "Name:" as "leave this header out", and "Name;" as "send it empty".
    return f"{name}: {value}" if value else f"{name};"
