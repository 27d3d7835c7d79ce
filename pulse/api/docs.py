"""The API's own page for people: every operation and every error, from the declarations that decide."""

from typing import Any

from flask import Blueprint, render_template

from pulse.api.auth import PREFIX
from pulse.api.operations import OPERATIONS, Operation
from pulse.extensions import services
from pulse.problems import MEANINGS

bp = Blueprint("docs", __name__, url_prefix="/docs")


@bp.get("")
def index() -> str:
    """Show the operations by path, and the errors by status; an error's `type` leads to its entry."""
    operations = [described(each) for each in sorted(OPERATIONS.values(), key=lambda each: (each.path, each.method))]
    errors = sorted(MEANINGS.items(), key=lambda each: each[1].status)
    return render_template("docs/index.html", operations=operations, errors=errors, base=f"{services().settings.site}{PREFIX}")


def described(operation: Operation) -> dict[str, Any]:
    """Return what the page tells of an operation."""
    schema = operation.body.model_json_schema() if operation.body else {}
    required = set(schema.get("required", ()))
    return {
        "method": operation.method,
        "path": operation.address,
        "summary": operation.summary,
        "ability": operation.ability,
        "status": operation.status if operation.reply else 204,
        "query": list(operation.query.model_fields),
        "body": [(name, name in required) for name in schema.get("properties", {})],
    }
