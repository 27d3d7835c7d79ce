"""What came of a probe, in a closed list of words: nothing a target says or an operating system reports gets any further."""

import errno
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import pycurl


class ProbeError(StrEnum):
    """Why a probe was not up."""

    TIMEOUT = "timeout"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_FAILED = "connection_failed"
    DNS_FAILED = "dns_failed"
    TLS_EXPIRED = "tls_expired"
    TLS_HOSTNAME_MISMATCH = "tls_hostname_mismatch"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_FAILED = "tls_failed"
    UNEXPECTED_STATUS = "unexpected_status"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    RESPONSE_TOO_LARGE = "response_too_large"
    FORBIDDEN_ADDRESS = "forbidden_address"
    INVALID_RESPONSE = "invalid_response"


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each phase took, in microseconds, summed over the hops of a redirect; phases that did not happen are 0.

    `first_byte` is the wait from a connection that is ready to the reply's first byte; `total` covers all and the body.
    """

    dns: int = 0
    connect: int = 0
    tls: int = 0
    first_byte: int = 0
    total: int = 0

    def __add__(self, other: "Timings") -> "Timings":
        return Timings(
            self.dns + other.dns,
            self.connect + other.connect,
            self.tls + other.tls,
            self.first_byte + other.first_byte,
            self.total + other.total,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one probe: up, or down with its error.

    `http_status_code` is that of the last reply whose head arrived, `response_time_ms` the whole time where the whole reply
    arrived; each is None otherwise. `certificate_expires_at` (aware, UTC) is the end of the last certificate
    seen over TLS, where the request wanted it.
    """

    up: bool
    http_status_code: int | None = None
    response_time_ms: int | None = None
    error: ProbeError | None = None
    timings: Timings = Timings()
    certificate_expires_at: datetime | None = None

    @classmethod
    def failure(cls, error: ProbeError, timings: Timings = Timings()) -> "Outcome":
        """Return the outcome of a probe that got no reply."""
        return cls(up=False, error=error, timings=timings)

    @classmethod
    def reply(cls, status: int, timings: Timings, *, expected: int) -> "Outcome":
        """Return the outcome of a probe whose whole reply arrived in time."""
        whole = cls(
            up=status == expected,
            http_status_code=status,
            response_time_ms=round(timings.total / 1000),
            timings=timings,
        )
        return whole if whole.up else replace(whole, error=ProbeError.UNEXPECTED_STATUS)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a transfer failed: libcurl's code, and what else is needed to tell one word from another."""

    code: int
    os_errno: int = 0
    verify_result: int = 0
    status: int = 0


_WORDS = {
    pycurl.E_COULDNT_RESOLVE_HOST: ProbeError.DNS_FAILED,
    pycurl.E_OPERATION_TIMEDOUT: ProbeError.TIMEOUT,
    # The cap is the only reason why our own write callback stops a transfer.
    pycurl.E_WRITE_ERROR: ProbeError.RESPONSE_TOO_LARGE,
} | dict.fromkeys(
    (
        pycurl.E_UNSUPPORTED_PROTOCOL,  # HTTP/0.9, that is: no HTTP at all
        pycurl.E_FTP_WEIRD_SERVER_REPLY,
        pycurl.E_PARTIAL_FILE,
        pycurl.E_GOT_NOTHING,
        pycurl.E_BAD_CONTENT_ENCODING,
        100,  # CURLE_TOO_LARGE, which pycurl has no name for: endless headers
    ),
    ProbeError.INVALID_RESPONSE,
)

_TLS_CODES = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_ENGINE_INITFAILED,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_SHUTDOWN_FAILED,
        pycurl.E_SSL_CRL_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
        pycurl.E_SSL_INVALIDCERTSTATUS,
    }
)

# OpenSSL's X509_V_ERR_*: the certificate's own end, and names that do not match. libcurl compares the names itself, and does so
# first: then OpenSSL has said nothing yet (0 or 1).
_EXPIRED = 10
_MISMATCHES = frozenset({0, 1, 62, 64})


def word_for(failure: Failure) -> ProbeError:
    """Return the word of the closed list that is nearest to what libcurl reports."""
    if failure.code == pycurl.E_PEER_FAILED_VERIFICATION:
        return _word_for_certificate(failure)
    if failure.code == pycurl.E_COULDNT_CONNECT:
        return ProbeError.CONNECTION_REFUSED if failure.os_errno == errno.ECONNREFUSED else ProbeError.CONNECTION_FAILED
    if failure.code == pycurl.E_RECV_ERROR and failure.status:
        return ProbeError.INVALID_RESPONSE
    if failure.code in _TLS_CODES:
        return ProbeError.TLS_FAILED
    return _WORDS.get(failure.code, ProbeError.CONNECTION_FAILED)


def _word_for_certificate(failure: Failure) -> ProbeError:
    if failure.verify_result == _EXPIRED:
        return ProbeError.TLS_EXPIRED
    if failure.verify_result in _MISMATCHES:
        return ProbeError.TLS_HOSTNAME_MISMATCH
    return ProbeError.TLS_UNTRUSTED
