"""The REST API under `/api/v1`: one hook in front, then a file for each noun."""

from flask import Flask, Response, g, request

from pulse.api import auth, checks, docs, incidents, key, monitors, projects, team, uses
from pulse.api.limits import Limiter
from pulse.api.operations import OPERATIONS, check_declared
from pulse.api.uses import UseWriter
from pulse.db import connect
from pulse.extensions import csrf, services
from pulse.logs import log
from pulse.problems import Problem

BLUEPRINTS = (key.bp, monitors.bp, checks.bp, incidents.bp, projects.bp, team.bp)
LARGEST_BODY = 256 * 1024


def init_app(app: Flask) -> None:
    """Put the API into the app."""
    settings = app.extensions["pulse"].settings
    app.extensions["pulse.limits"] = Limiter(settings)
    app.extensions["pulse.uses"] = UseWriter(connect(settings.database))
    for bp in BLUEPRINTS:
        # The API knows no cookies, so nobody's browser can be made to call it.
        csrf.exempt(bp)
        app.register_blueprint(bp, url_prefix=f"{auth.PREFIX}{bp.url_prefix or ''}")
    app.register_blueprint(docs.bp)
    check_declared(app, auth.PREFIX)


def is_api(path: str) -> bool:
    """Tell whether a path is the API's, routed or not."""
    return path == auth.PREFIX or path.startswith(f"{auth.PREFIX}/")


def enter() -> None:
    """Decide about a request under `/api/v1` before anything else looks at it; raises `Problem`."""
    request.max_content_length = LARGEST_BODY
    if services().settings.in_production and not request.is_secure:
        raise Problem("https_required")
    operation = OPERATIONS.get(request.endpoint or "")
    if operation is not None and operation.public:
        return
    g.caller = auth.identify()
    if request.routing_exception is not None:
        raise request.routing_exception
    if operation is None:
        log.error("undeclared_view", endpoint=request.endpoint)
        raise Problem("not_found")
    auth.authorize(g.caller, operation.ability)


def leave(response: Response) -> None:
    """Count the use, and tell the key's rate on the reply; what every reply of the API carries is put on by `headers.Dressed`."""
    uses.note(response.status_code)
    for name, value in g.get("rate", {}).items():
        response.headers[name] = value
