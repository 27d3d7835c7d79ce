"""What is known of a request while it is answered, its id, and the one line that is written of it."""

import sys
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pulse.lane import context
from pulse.logs import harmless
from pulse.request_ids import Kind

if TYPE_CHECKING:
    from flask import Flask, Request

    from pulse.extensions import Services

LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
FIELDS = {kind: kind.name.lower() for kind in Kind}
TRACE = "pulse.trace"
"""Where a request's trace travels in its environment."""


class NamedToken(NamedTuple):
    """The token that a request of the API named, live or former."""

    id: int
    is_used: bool
    """Whether it was used before."""
    live: bool


class Trace:
    """What is known of the request that is being answered; it travels in the request's environment."""

    __slots__ = (
        "asked",
        "caller",
        "code",
        "environ",
        "headers",
        "kind",
        "number",
        "path",
        "request_id",
        "services",
        "started",
        "token",
    )

    def __init__(self, asked: "Request", app: "Flask") -> None:
        self.started = perf_counter()
        self.asked = asked
        """The request itself: behind the framework's stand-in each look would cost ten times as much."""
        self.environ: dict[str, Any] = asked.environ
        self.path = asked.path
        self.services: Services = app.extensions["pulse"]
        """What the process shares, for the same reason."""
        self.headers: list[tuple[str, str]] = []
        """What the reply carries besides the view's own headers; `headers.WithHeaders` puts them on."""
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
    now = context()
    traced = now.request.environ[TRACE] = Trace(now.request, now.app)
    return traced


def trace() -> Trace:
    """Return what is known of this request."""
    traced: Trace | None = context().request.environ.get(TRACE)
    return traced or start()


def request_id(traced: Trace | None = None) -> str:
    """Return this request's id; made at first need, so that it can tell support who asked."""
    traced = traced or trace()
    if traced.request_id is None:
        traced.request_id = traced.services.request_ids.issue(traced.kind, traced.number)
    return traced.request_id


def finish(traced: Trace, status: int, now: datetime) -> None:
    """Put the request's id on its reply, and write its line.

    It goes around structlog's processors in `logs`, which cost more than the key check: what a client chose is made
    harmless here.
    """
    environ, identity = traced.environ, request_id(traced)
    traced.headers.append(("X-Request-Id", identity))
    line = {
        "event": "request",
        "request_id": identity,
        "method": harmless(environ["REQUEST_METHOD"]),
        "path": harmless(_path(traced)),
        "status": status,
        "code": traced.code,
        "ms": round((perf_counter() - traced.started) * 1000, 2),
        "address": environ.get("REMOTE_ADDR"),
        "user_agent": harmless(environ.get("HTTP_USER_AGENT", "")),
        "level": "info",
        "timestamp": now,
    }
    if traced.number:
        line[FIELDS[traced.kind]] = traced.number
    stdout = sys.stdout.buffer
    stdout.write(orjson.dumps(line, option=LINE))
    stdout.flush()


def _path(traced: Trace) -> str:
    """Return the path as asked for; the rule instead where a part of the path is a secret."""
    rule = traced.asked.url_rule
    if rule is not None and "<secret:" in rule.rule:
        return rule.rule
    return traced.path
