"""What the API's page shows as examples: made of the schemas, filled with what could be true together."""

import json
from typing import Any

from pulse.abilities import Ability
from pulse.api.operations import Operation
from pulse.api.shapes import names, schemas
from pulse.plans import Plan

PLAN = Plan.PROFESSIONAL
MADE = "2026-01-05T09:30:00.000Z"
AT = "2026-01-31T12:00:00.000Z"
EXAMPLES: dict[str, Any] = {
    "name": "Shop",
    "url": "https://shop.example.com/",
    "email": "bob@example.com",
    "role": "member",
    "external_id": "shop-prod",
    "root_cause": "A disk was full.",
    "condition": "check_failed",
    "operator": "gte",
    "value": 2,
    "type": "email",
    "target": "ops@example.com",
}
"""What a field holds that is sent."""
ANSWERED: dict[str, Any] = {
    "id": 1,
    "project_id": 1,
    "name": EXAMPLES["name"],
    "url": EXAMPLES["url"],
    "email": EXAMPLES["email"],
    "role": EXAMPLES["role"],
    "target": EXAMPLES["target"],
    "title": "Shop is down",
    "alert_rule_id": 1,
    "last_eight": "k3ZpQ9aB",
    "token": "pulse_…",
    "http_status_code": 200,
    "expected_status": 200,
    "response_time_ms": 183,
    "interval_seconds": 60,
    "timeout_seconds": 30,
    "header_names": [],
    "has_body": False,
    "value": EXAMPLES["value"],
    "resolve_after": 2,
    "cooldown_minutes": 0,
    "plan": PLAN.value,
    "requests_per_minute": PLAN.limits.requests_per_minute,
    "duration_seconds": 540,
    "24h": {"up": 1439, "total": 1440, "percent": 99.93},
    "7d": {"up": 10_073, "total": 10_080, "percent": 99.93},
    "30d": {"up": 43_171, "total": 43_200, "percent": 99.93},
    "created_at": MADE,
    "updated_at": MADE,
    "joined_at": MADE,
    "next_check_at": "2026-01-31T12:01:00.000Z",
}
"""What a field holds in the answers shown; any other is null where it may be."""
FILLED = ("last_check", "last_used_at")
"""Those that may be null, and are shown as they mostly are."""
KEY = {"name": "Deploy pipeline", "abilities": [Ability.MONITORS_READ.value, Ability.KEY_ROTATE.value]}
OF: dict[str, dict[str, Any]] = {
    "KeyOut": KEY,
    "RotatedOut": KEY,
    "TeamOut": {"name": "Example Inc."},
    "OwnerOut": {"name": "Alice Adams", "email": "alice@example.com", "role": "owner"},
    "PersonOut": {"name": "Bob Brown"},
    "RuleOut": {"name": "Shop down"},
    "FindingOut": {"figure": 2, "met": True},
    "ChannelOut": {"name": "On call"},
    "ChannelMade": {"name": "On call"},
    "ProjectOut": {"name": "Website", "is_default": False},
    "InvitationOut": {"email": "carol@example.com", "expires_at": "2026-02-07T12:00:00.000Z"},
}
"""What an object's fields hold, by its schema, where that is another thing."""
AFTER: dict[str, dict[str, Any]] = {
    "monitors_create": {"state": "pending", "last_check": None, "next_check_at": MADE},
    "monitors_put": {"external_id": EXAMPLES["external_id"]},
    "monitors_pause": {"state": "paused", "updated_at": AT, "paused_at": AT, "next_check_at": None},
    "checks_run": {"type": "manual"},
    "incidents_acknowledge": {"status": "acknowledged", "acknowledged_at": "2026-01-31T12:09:00.000Z"},
    "incidents_resolve": {
        "status": "resolved",
        "resolved_at": "2026-01-31T12:09:00.000Z",
        "root_cause": EXAMPLES["root_cause"],
    },
    "channels_test": {"event": "test", "created_at": AT},
}
"""What an operation's answer shows of what it has done."""
SCALARS = {"boolean": True, "integer": 1, "number": 1}


def given(declared: Operation) -> dict[str, Any]:
    """Return what may be sent to an operation, by the names of the fields."""
    return EXAMPLES | (OF.get(names()[declared.reply, "serialization"], {}) if declared.reply else {})


def answer_of(declared: Operation) -> str | None:
    """Return an answer as it could be, made of the reply's schema."""
    if declared.reply is None:
        return None
    schema = {"$ref": f"#/components/schemas/{names()[declared.reply, 'serialization']}"}
    return json.dumps(sample(schema) | AFTER.get(declared.name, {}), indent=2, ensure_ascii=False)


def sample(schema: dict[str, Any], name: str = "", of: str = "") -> Any:
    """Return a value that a schema allows, for the field of that name or the object of that schema."""
    if name in ANSWERED:
        return ANSWERED[name]
    if "$ref" in schema:
        of = schema["$ref"].rpartition("/")[2]
        return sample(schemas()[of], name, of)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0]) if name in FILLED else None
    match schema.get("type"):
        case "string" if "enum" in schema:
            return schema["enum"][0]
        case "object":
            return {field: sample(value, field) for field, value in schema.get("properties", {}).items()} | OF.get(of, {})
        case "array":
            return [sample(schema["items"])]
        case plain:
            return SCALARS.get(str(plain), AT if schema.get("format") == "date-time" else "…")
