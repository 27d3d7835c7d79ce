"""The REST API under `/api/v1`: one hook in front, then a file for each noun."""

from datetime import datetime

from flask import Flask, Response

from pulse.api import alert_rules, auth, channels, checks, docs, incidents, key, metrics, monitors, openapi, projects, team, uses
from pulse.api.operations import OPERATIONS, check_declared
from pulse.logs import log
from pulse.problems import Problem, respond
from pulse.routing import API
from pulse.tracing import Trace

BLUEPRINTS = (
    key.bp,
    monitors.bp,
    checks.bp,
    incidents.bp,
    alert_rules.bp,
    channels.bp,
    projects.bp,
    openapi.bp,
    team.bp,
    metrics.bp,
)
LARGEST_BODY = 256 * 1024
WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods whose body is read; what is sent along with any other is not."""


def init_app(app: Flask) -> None:
    """Put the API into the app."""
    for bp in BLUEPRINTS:
        app.register_blueprint(bp, url_prefix=f"{API}{bp.url_prefix or ''}")
    app.register_blueprint(docs.bp)
    check_declared(app, API)


def enter(traced: Trace) -> Response | None:
    """Decide about a request of the API before anything else looks at it; return the refusal, if it is one."""
    try:
        decide(traced)
    except Problem as problem:
        # Told here: the framework's way through its error handlers costs as much as the decision.
        return respond(problem, traced)
    return None


def decide(traced: Trace) -> None:
    """Find out who calls and whether they may; raises `Problem`."""
    asked = traced.asked
    if traced.services.settings.in_production and not asked.is_secure:
        raise Problem("https_required")
    operation = OPERATIONS.get(asked.endpoint or "")
    # Routing takes several leading slashes for one; the document knows no such path.
    lost = traced.environ["PATH_INFO"].startswith("//")
    if operation is not None and operation.public and not lost:
        return
    caller = auth.identify(traced)
    if lost:
        raise Problem("not_found")
    if asked.routing_exception is not None:
        raise asked.routing_exception
    if operation is None:
        log.error("undeclared_view", endpoint=asked.endpoint)
        raise Problem("not_found")
    auth.authorize(caller, operation.ability)
    if asked.method in WITH_BODY:
        # Only now: whoever may not ask is not listened to.
        asked.max_content_length = LARGEST_BODY
        traced.services.bodies.take_in(traced.environ, LARGEST_BODY)


def leave(traced: Trace, status: int, now: datetime) -> None:
    """Count the use; the headers that every reply of the API carries are put on by `headers.WithHeaders`."""
    uses.note(traced, status, now)
