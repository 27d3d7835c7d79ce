"""Any error as page, fragment or problem+json, chosen by path."""

from typing import Any

from flask import Flask, Response, render_template, request
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pulse import problems
from pulse.abilities import Ability
from pulse.db import is_outage
from pulse.extensions import db
from pulse.htmx import wants_fragment
from pulse.logs import log
from pulse.models.refusals import Faults, Invalid, LimitReached, PlanRequired, RateLimited, Refused, RoleRequired
from pulse.plans import API_PLANS
from pulse.problems import BY_STATUS, MEANINGS, Problem, fault, validation_failed
from pulse.routing import is_api
from pulse.tracing import request_id, trace

RETRY_SECONDS = 5


def init_app(app: Flask) -> None:
    """Answer every error in the shape that whoever asked can read."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(Refused, lambda error: answer(problem_of(error)))
    app.register_error_handler(HTTPException, _framework)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(NoConnection, _database)
    app.register_error_handler(Exception, _unforeseen)


def answer(problem: Problem) -> Response:
    """Return `problem` as JSON under the API, as a fragment to htmx, else as a page."""
    if is_api(request.path):
        return problems.respond(problem)
    meaning, trace().code = MEANINGS[problem.code], problem.code
    template = "errors/_error.html" if wants_fragment() else "errors/error.html"
    body = render_template(
        template, status=meaning.status, title=meaning.title, detail=problem.detail or meaning.detail, request_id=request_id()
    )
    response = Response(body, meaning.status, mimetype="text/html")
    response.headers.extend(problem.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem_of(refused: Refused) -> Problem:
    """Return what a rule's refusal is in the API's words."""
    match refused:
        case Invalid():
            return validation_failed(_fault(refused))
        case Faults():
            return validation_failed(*map(_fault, refused.faults))
        case LimitReached():
            return Problem("limit_reached", str(refused), limit=refused.limit)
        case PlanRequired():
            return Problem("plan_required", str(refused), plan=refused.plan.value, plans=[plan.value for plan in API_PLANS])
        case RoleRequired():
            return Problem("role_required", str(refused), required=Ability.TEAM_WRITE.value, role=refused.role)
        case RateLimited():
            headers = {"Retry-After": str(refused.seconds)}
            return Problem("rate_limited", str(refused), headers, retry_after=refused.seconds)
        case _:
            return Problem("conflict", str(refused))


def _fault(invalid: Invalid) -> dict[str, Any]:
    return fault(invalid.field, str(invalid))


def _framework(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # pyright: ignore[reportReturnType] - a redirect of the router
    code = BY_STATUS.get(error.code or 500, "internal_error" if (error.code or 500) >= 500 else "malformed_request")
    headers = {"Allow": ", ".join(sorted(error.valid_methods or ()))} if isinstance(error, MethodNotAllowed) else {}
    if code == "unavailable":
        headers["Retry-After"] = str(RETRY_SECONDS)
    return answer(Problem(code, headers=headers))


def _database(error: SQLAlchemyError) -> Response:
    db.session.rollback()
    if isinstance(error, IntegrityError):
        # A rule held by the database that no model foresaw: true to the data, but ours to look at.
        log.error("constraint", request_id=request_id(), exc_info=error)
        return answer(Problem("conflict"))
    if not is_outage(error):
        return _unforeseen(error)
    log.error("database_unavailable", request_id=request_id(), exc_info=error)
    return answer(Problem("unavailable", headers={"Retry-After": str(RETRY_SECONDS)}))


def _unforeseen(error: Exception) -> Response:
    db.session.rollback()
    log.error("unforeseen", request_id=request_id(), exc_info=error)
    return answer(Problem("internal_error"))
