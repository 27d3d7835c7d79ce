"""One probe on its way: the handle it is configured on, what arrived, and what that means."""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import cast

import pycurl

from pulse.addresses import AddressGuard, InvalidUrl
from pulse.probe.hop import FOLLOWED, MOST_REDIRECTS, Hop
from pulse.probe.outcome import Failure, Outcome, ProbeError, Timings, word_for
from pulse.probe.request import Request
from pulse.probe.resolver import Addresses

USER_AGENT = "Pulse/1.0 (uptime monitoring)"
LARGEST_BODY = 1024 * 1024

# The same for every request, and set anew for each: a handle that was reset knows nothing of the monitor before.
_ALWAYS: Sequence[tuple[int, int | str]] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROXY, ""),  # Empty, not unset: else libcurl obeys http_proxy and its kin.
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (
        pycurl.HTTP_VERSION,
        pycurl.CURL_HTTP_VERSION_1_1,
    ),  # One request on a fresh connection gains nothing from more.
    (pycurl.FRESH_CONNECT, 1),
    (pycurl.FORBID_REUSE, 1),
    (
        pycurl.SSL_SESSIONID_CACHE,
        0,
    ),  # A resumed session would not show its certificate again.
    (pycurl.USERAGENT, USER_AGENT),
    # Asks for none, and decodes what comes encoded all the same: the cap is on the decoded body.
    (pycurl.ACCEPT_ENCODING, "identity"),
)
_MOMENTS = (
    pycurl.NAMELOOKUP_TIME_T,
    pycurl.CONNECT_TIME_T,
    pycurl.APPCONNECT_TIME_T,
    pycurl.STARTTRANSFER_TIME_T,
    pycurl.TOTAL_TIME_T,
)
# libcurl's own: no waiting for 100 Continue, no content type that the monitor did not name.
_NO_EXPECT = "Expect:"
_NO_TYPE = "Content-Type:"


class Transfer:
    """One probe from its first hop to its outcome. A hop runs on a handle that `configure` prepared."""

    def __init__(self, request: Request, guard: AddressGuard) -> None:
        self.request = request
        self.deadline = monotonic() + request.timeout
        self.hop = Hop.first(request)
        self._guard = guard
        self._timings = Timings()
        self._expiry: datetime | None = None
        self._begin_hop()

    def configure(self, curl: pycurl.Curl, ca_file: str, addresses: Addresses) -> None:
        """Prepare `curl` for the hop; `addresses` are those of its host, where that is a name."""
        curl.reset()
        for option, value in _ALWAYS:
            curl.setopt(option, value)
        curl.setopt(pycurl.URL, self.hop.url)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int((self.deadline - monotonic()) * 1000)))
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        curl.setopt(pycurl.WRITEFUNCTION, self._count)
        self._configure_method(curl)
        if self.hop.url.startswith("https:"):
            self._configure_tls(curl, ca_file)
        if addresses:
            curl.setopt(pycurl.RESOLVE, [self._resolved(addresses)])

    def resolve_took(self, seconds: float) -> None:
        """Count the time that the host's name took."""
        spent = int(seconds * 1_000_000)
        self._timings += Timings(dns=spent, total=spent)

    def succeeded(self, curl: pycurl.Curl) -> Outcome | None:
        """Return the outcome of a hop whose whole reply arrived, or None where `hop` is now the next one to make."""
        status = self._observe(curl)
        location = curl.getinfo_raw(pycurl.REDIRECT_URL) if status in FOLLOWED and not self._expects_redirect else None
        if isinstance(location, bytes):
            return self._redirect(status, location)
        return self._with_expiry(Outcome.reply(status, self._timings, expected=self.request.expected_status))

    def failed(self, curl: pycurl.Curl, code: int) -> Outcome:
        """Return the outcome of a hop that libcurl gave up on with one of its codes."""
        status = self._observe(curl)
        failure = Failure(code, _number(curl, pycurl.OS_ERRNO), _number(curl, pycurl.SSL_VERIFYRESULT), status)
        error = ProbeError.FORBIDDEN_ADDRESS if self._refused and code == pycurl.E_COULDNT_CONNECT else word_for(failure)
        return self._with_expiry(replace(Outcome.failure(error, self._timings), http_status_code=status or None))

    def abandoned(self, error: ProbeError) -> Outcome:
        """Return the outcome of a hop that never had a connection."""
        return Outcome.failure(error, self._timings)

    @property
    def _expects_redirect(self) -> bool:
        return 300 <= self.request.expected_status < 400

    def _begin_hop(self) -> None:
        self._received = 0
        self._refused = False

    def _redirect(self, status: int, location: bytes) -> Outcome | None:
        if self.hop.number >= MOST_REDIRECTS:
            return self._not_followed(status, ProbeError.TOO_MANY_REDIRECTS)
        try:
            self.hop = self.hop.redirected(status, location.decode())
        except (InvalidUrl, UnicodeDecodeError):
            return self._not_followed(status, ProbeError.INVALID_RESPONSE)
        self._begin_hop()
        return None

    def _not_followed(self, status: int, error: ProbeError) -> Outcome:
        reply = Outcome.reply(status, self._timings, expected=self.request.expected_status)
        return self._with_expiry(replace(reply, up=False, error=error))

    def _configure_method(self, curl: pycurl.Curl) -> None:
        lines = [*self.hop.lines, _NO_EXPECT]
        if self.hop.method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif self.hop.method in ("POST", "PUT", "PATCH"):
            curl.setopt(pycurl.POSTFIELDS, self.hop.body or b"")
            if not any(line.lower().startswith("content-type") for line in lines):
                lines.append(_NO_TYPE)
        if self.hop.method not in ("GET", "HEAD"):
            curl.setopt(pycurl.CUSTOMREQUEST, self.hop.method)
        curl.setopt(pycurl.HTTPHEADER, lines)

    def _configure_tls(self, curl: pycurl.Curl, ca_file: str) -> None:
        curl.setopt(pycurl.CAINFO, ca_file)
        if self.request.wants_certificate:
            curl.setopt(pycurl.OPT_CERTINFO, 1)
        if not self.request.verify_tls:
            curl.setopt(pycurl.SSL_VERIFYPEER, 0)
            curl.setopt(pycurl.SSL_VERIFYHOST, 0)

    def _resolved(self, addresses: Addresses) -> str:
        _, host, port, _ = self.hop.origin
        # "+": kept by libcurl no longer than an answer of its own, so that nothing piles up.
        return f"+{host}:{port}:{','.join(f'[{each}]' if ':' in each else each for each in addresses)}"

    def _open(self, _purpose: int, address: pycurl.CurlSockAddr) -> socket.socket | int:
        """Judge the very address that is about to be connected to: every hop and every resolved address comes through here."""
        where = address.addr
        if isinstance(where, bytes) or not self._guard.permits(where[0]):
            self._refused = True
            return pycurl.SOCKET_BAD
        try:
            return _Socket(address.family, address.socktype, address.protocol)
        except OSError:
            return pycurl.SOCKET_BAD

    def _count(self, chunk: bytes) -> int | None:
        self._received += len(chunk)
        return None if self._received <= LARGEST_BODY else 0

    def _observe(self, curl: pycurl.Curl) -> int:
        """Take over what libcurl measured; return the reply's status code, or 0."""
        status = _status(curl)
        self._timings += _timings(curl, status)
        if self.request.wants_certificate and self.hop.url.startswith("https:"):
            self._expiry = _expiry(curl) or self._expiry
        return status

    def _with_expiry(self, outcome: Outcome) -> Outcome:
        return outcome if self._expiry is None else replace(outcome, certificate_expires_at=self._expiry)


class _Socket(socket.socket):
    """A socket that closes in silence when it is dropped: pycurl keeps a duplicate of its descriptor, not the object."""

    def __del__(self) -> None:
        self.close()


def _number(curl: pycurl.Curl, info: int) -> int:
    return cast("int", curl.getinfo_raw(info))


def _status(curl: pycurl.Curl) -> int:
    """Return the reply's status code, or 0: a 1xx announces a reply and is none."""
    status = _number(curl, pycurl.RESPONSE_CODE)
    return status if status >= 200 else 0


def _timings(curl: pycurl.Curl, status: int) -> Timings:
    """Read libcurl's stopwatch: it counts each moment from the start, and shows 0 for those that did not come."""
    resolved, connected, secured, answered, total = cast("list[int]", list(map(curl.getinfo_raw, _MOMENTS)))
    ready = max(connected, secured)
    return Timings(
        dns=resolved,
        connect=max(0, connected - resolved),
        tls=max(0, secured - connected),
        first_byte=max(0, answered - ready) if status else 0,
        total=total,
    )


def _expiry(curl: pycurl.Curl) -> datetime | None:
    """Return the end of the target's own certificate, the first of its chain."""
    chain = cast("list[tuple[tuple[bytes, bytes], ...]]", curl.getinfo_raw(pycurl.INFO_CERTINFO))
    for name, value in chain[0] if chain else ():
        if name == b"Expire date":
            return _moment(value)
    return None


def _moment(text: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text.decode("ascii")), UTC)
    except (ValueError, OverflowError, OSError):
        return None  # A certificate may say anything; a date that is none is not our error.
