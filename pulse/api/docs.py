"""The API's own page for people: every operation and every error, from the declarations that decide."""

import json
from typing import Any

from flask import Blueprint, render_template, request

from pulse.api.openapi import codes, components, in_headers, in_path, in_query, names, ordered, tag_of
from pulse.api.operations import Operation
from pulse.extensions import services
from pulse.problems import MEANINGS
from pulse.routing import API

bp = Blueprint("docs", __name__, url_prefix="/docs")

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
"""What a field holds in the examples."""
ANSWERED: dict[str, Any] = {
    "id": 1,
    "project_id": 1,
    "name": EXAMPLES["name"],
    "url": EXAMPLES["url"],
    "email": EXAMPLES["email"],
    "target": EXAMPLES["target"],
    "title": "Shop is down",
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
    "requests_per_minute": 300,
    "duration_seconds": 540,
    "up": 1439,
    "total": 1440,
    "percent": 99.93,
}
"""What a field holds in the answers shown; any other is null where it may be."""
FILLED = ("last_check", "next_check_at", "last_used_at")
"""Those that may be null, and are shown as they mostly are."""
AT = "2026-01-31T12:00:00.000Z"
SCALARS = {"boolean": True, "integer": 1, "number": 1}


@bp.get("")
def index() -> str:
    """Show the operations by noun, those alone that hold what is looked for; and the errors by status."""
    sought = request.args.get("q", "").strip()[:100]
    told = [described(each) for each in ordered() if matches(each, sought)]
    nouns = list(dict.fromkeys(each["noun"] for each in told))
    errors = sorted(MEANINGS.items(), key=lambda each: each[1].status)
    base = f"{services().settings.site}{API}"
    return render_template("docs/index.html", operations=told, nouns=nouns, errors=errors, base=base, sought=sought)


def matches(declared: Operation, sought: str) -> bool:
    """Tell whether an operation is about what is looked for, whatever the case."""
    told = f"{declared.method} {declared.address} {declared.summary} {declared.ability or ''}".lower()
    return all(word in told for word in sought.lower().split())


def described(declared: Operation) -> dict[str, Any]:
    """Return what the page tells of an operation."""
    fields = body_fields(declared)
    return {
        "name": declared.name,
        "noun": tag_of(declared),
        "method": declared.method,
        "path": declared.address,
        "summary": declared.summary,
        "public": declared.public,
        "ability": declared.ability,
        "status": declared.status if declared.reply or declared.public or declared.texts else 204,
        "parameters": [parameter(each) for each in (*in_path(declared), *in_query(declared), *in_headers(declared))],
        "fields": fields,
        "curl": curl(declared, fields),
        "reply": reply_of(declared),
        "answer": answer_of(declared),
        "codes": codes(declared),
    }


def parameter(told: dict[str, Any]) -> dict[str, Any]:
    """Return one parameter in the page's words."""
    return {"name": told["name"], "place": told["in"], "required": told["required"], "kind": kind(told["schema"])}


def body_fields(declared: Operation) -> list[dict[str, Any]]:
    """Return the fields of an operation's body in the page's words."""
    if declared.body is None:
        return []
    schema = components()[names()[declared.body, "validation"]]
    required = schema.get("required", ())
    return [
        {"name": name, "required": name in required, "kind": kind(value)} for name, value in schema.get("properties", {}).items()
    ]


def kind(schema: dict[str, Any]) -> str:
    """Return a type as people read it: `integer, 1 to 200`."""
    if "$ref" in schema:
        return kind(components()[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    text = {"date-time": "time, ISO 8601 with a time zone"}.get(schema.get("format", ""), str(schema.get("type", "any")))
    if schema.get("type") == "array":
        text = f"list of {kind(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{text}, {low} to {high}" if low is not None and high is not None and high < 2**62 else text


def curl(declared: Operation, fields: list[dict[str, Any]]) -> str:
    """Return a line that runs as it is, once TOKEN is set."""
    path = declared.address
    for each in in_path(declared):
        path = path.replace(f"{{{each['name']}}}", "1" if each["schema"]["type"] == "integer" else "shop-prod")
    parts = ["curl"] + (
        [f"-X {declared.method}"] if declared.method != "GET" and not (declared.method == "POST" and fields) else []
    )
    if not declared.public:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if sent := {each["name"]: EXAMPLES.get(each["name"], "…") for each in fields if each["required"]}:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(sent, ensure_ascii=False)}'"]
    elif fields:
        name = next((each["name"] for each in fields if each["name"] in EXAMPLES), None)
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps({name: EXAMPLES[name]} if name else {})}'"]
    return " ".join([*parts, f"{services().settings.site}{API}{path}"])


def reply_of(declared: Operation) -> list[tuple[str, str]]:
    """Return the fields of an operation's reply with their types; a list's are those of what it lists."""
    if declared.reply is None:
        return []
    schema = components()[names()[declared.reply, "serialization"]]
    if set(schema["properties"]) == {"data", "next_cursor"}:
        schema = components()[schema["properties"]["data"]["items"]["$ref"].rpartition("/")[2]]
    return [(name, kind(value)) for name, value in schema["properties"].items()]


def answer_of(declared: Operation) -> str | None:
    """Return an answer as it could be, made of the reply's schema."""
    if declared.reply is None:
        return None
    schema = {"$ref": f"#/components/schemas/{names()[declared.reply, 'serialization']}"}
    return json.dumps(sample(schema), indent=2, ensure_ascii=False)


def sample(schema: dict[str, Any], name: str = "") -> Any:
    """Return a value that a schema allows, for the field of that name."""
    if name in ANSWERED:
        return ANSWERED[name]
    if "$ref" in schema:
        return sample(components()[schema["$ref"].rpartition("/")[2]], name)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0]) if name in FILLED else None
    match schema.get("type"):
        case "string" if "enum" in schema:
            return schema["enum"][0]
        case "object":
            return {field: sample(value, field) for field, value in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"])]
        case plain:
            return SCALARS.get(str(plain), AT if schema.get("format") == "date-time" else "…")
