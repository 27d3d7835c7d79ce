"""Whether the process runs, and whether it can work."""

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from pulse.extensions import services
from pulse.logs import kind_of, log
from pulse.schema import is_current

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether the database answers and has this version's schema."""
    try:
        with services().reader.connection() as connection:
            ready = is_current(connection)
    except SQLAlchemyError as error:
        log.error("not_ready", failure=kind_of(error))
        return jsonify(status="unavailable", reason="database"), 503
    return (jsonify(status="ok"), 200) if ready else (jsonify(status="unavailable", reason="schema"), 503)
