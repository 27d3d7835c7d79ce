"""One structured line per request and per event on stdout, without a secret in it."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, BinaryIO, cast

import orjson
import structlog
from flask import request

from pulse.clock import utcnow
from pulse.extensions import Services, services
from pulse.request_ids import Kind
from pulse.tokens import HIDDEN, hidden

# Words that, as a field's name or a part of it, say that its value is nobody's business.
SECRET_FIELDS = ("password", "secret", "authorization", "cookie", "csrf", "dsn", "credential")
LONGEST_VALUE = 500
LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z

TRACE = "pulse.trace"
"""Where a request's trace travels in its environment."""

log = structlog.get_logger("pulse")


def configure() -> None:
    """Send structlog's events, and what libraries log as warnings or worse, to stdout as JSON lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _exception_without_values,
            redact,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(file=cast("BinaryIO", _Stdout())),
        cache_logger_on_first_use=False,
    )
    handler = _Bridge()
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _Stdout:
    """The process's stdout as it is at the moment of writing, which a test may have replaced."""

    def write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)

    def flush(self) -> None:
        sys.stdout.buffer.flush()


class _Bridge(logging.Handler):
    """Hands the standard library's records to structlog: one place redacts and renders."""

    def emit(self, record: logging.LogRecord) -> None:
        failure = type(record.exc_info[1]).__name__ if record.exc_info and record.exc_info[1] else None
        log.log(record.levelno, "library", logger=record.name, message=record.getMessage(), failure=failure)


def _dumps(event: MutableMapping[str, Any], **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def _exception_without_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by where it was raised: its text and its locals may hold anything."""
    failure = event.pop("exc_info", None)
    if isinstance(failure, BaseException):
        event["failure"] = type(failure).__name__
        event["trace"] = _places(failure)
    return event


def _places(failure: BaseException) -> list[str]:
    places: list[str] = []
    step = failure.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return places[-20:]


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide tokens wherever they stand, and the values of fields whose names say that they are secret."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def _redacted(name: str, value: Any) -> Any:
    if _is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


@lru_cache(maxsize=500)
def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_FIELDS)


def _harmless(text: str) -> str:
    """Return text that may be logged: without a token, in UTF-8, of bounded length."""
    short = hidden(text)[:LONGEST_VALUE]
    return short if short.isascii() else short.encode("utf-8", "replace").decode("utf-8")


# --- requests --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedToken:
    """The token that a request of the API named, live or former."""

    id: int
    last_used_at: datetime | None
    live: bool


class Trace:
    """What is known of the request that is being answered; it travels in the request's environment."""

    __slots__ = ("caller", "code", "environ", "headers", "kind", "number", "path", "request_id", "services", "started", "token")

    def __init__(self, environ: dict[str, Any], path: str, shared: Services) -> None:
        self.started = perf_counter()
        self.environ = environ
        self.path = path
        self.services = shared
        self.headers: list[tuple[str, str]] = []
        """What the reply carries besides the view's own headers; `headers.Dressed` puts them on."""
        self.caller: Any = None
        """Who a request of the API comes from, once that is decided."""
        self.kind = Kind.NOBODY
        self.number = 0
        self.code: str | None = None
        """The problem it ended in, if it did."""
        self.request_id: str | None = None
        self.token: NamedToken | None = None

    def asked_by(self, kind: Kind, number: int) -> None:
        """Note who the request comes from, once that is known."""
        self.kind, self.number = kind, number


def start() -> Trace:
    """Begin to trace a request."""
    environ = request.environ
    traced = environ[TRACE] = Trace(environ, request.path, services())
    return traced


def trace() -> Trace:
    """Return what is known of this request."""
    return cast("Trace | None", request.environ.get(TRACE)) or start()


def request_id(traced: Trace | None = None) -> str:
    """Return this request's id; made at first need, so that it can tell support who asked."""
    traced = traced or trace()
    if traced.request_id is None:
        traced.request_id = traced.services.request_ids.issue(traced.kind, traced.number)
    return traced.request_id


def finish(traced: Trace, status: int) -> None:
    """Put the request's id on its reply, and write its line.

    It goes around the processors above, which cost more than the key check: what a client chose is made harmless here.
    """
    environ, identity = traced.environ, request_id(traced)
    traced.headers.append(("X-Request-Id", identity))
    line = {
        "event": "request",
        "request_id": identity,
        "method": _harmless(environ["REQUEST_METHOD"]),
        "path": _harmless(_path(traced)),
        "status": status,
        "code": traced.code,
        "ms": round((perf_counter() - traced.started) * 1000, 2),
        "address": environ.get("REMOTE_ADDR"),
        "user_agent": _harmless(environ.get("HTTP_USER_AGENT", "")),
        "level": "info",
        "timestamp": utcnow(),
    }
    if traced.number:
        line[traced.kind.name.lower()] = traced.number
    sys.stdout.buffer.write(orjson.dumps(line, option=LINE))
    sys.stdout.buffer.flush()


def _path(traced: Trace) -> str:
    """Return the path as asked for; the rule instead where a part of the path is a secret."""
    rule = request.url_rule
    if rule is not None and "<secret:" in rule.rule:
        return rule.rule
    return traced.path
