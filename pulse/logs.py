"""One structured line per event on stdout, without a secret in it."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, BinaryIO, cast

import orjson
import structlog

from pulse.tokens import HIDDEN, PREFIX, hidden

# Words that, as a field's name or a part of it, say that its value is nobody's business.
SECRET_FIELDS = ("password", "secret", "authorization", "cookie", "csrf", "dsn", "credential")
LONGEST_VALUE = 500

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
        failure = kind_of(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        log.log(record.levelno, "library", logger=record.name, message=record.getMessage(), failure=failure)


def _dumps(event: MutableMapping[str, Any], **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def _exception_without_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its kind and where it was raised: its text and its locals may hold anything."""
    failure = event.pop("exc_info", None)
    if isinstance(failure, BaseException):
        event["failure"] = kind_of(failure)
        event["trace"] = _places(failure)
    return event


def kind_of(failure: BaseException) -> str:
    """Return what kind of failure it is, in words from closed lists: its type, and what the database calls it.

    That is SQLite's name, as SQLITE_FULL, or PostgreSQL's SQLSTATE, as 53100: both say that the disk is full.
    """
    told = getattr(failure, "orig", None) or failure
    code = getattr(told, "sqlite_errorname", None) or getattr(told, "sqlstate", None)
    return f"{type(failure).__name__} {code}" if code else type(failure).__name__


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
        return harmless(value)
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


@lru_cache(maxsize=500)
def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_FIELDS)


def harmless(text: str) -> str:
    """Return text that may be logged: without a token, in UTF-8, of bounded length."""
    if len(text) <= LONGEST_VALUE and text.isascii() and PREFIX not in text:
        return text
    short = hidden(text)[:LONGEST_VALUE]
    return short if short.isascii() else short.encode("utf-8", "replace").decode("utf-8")
