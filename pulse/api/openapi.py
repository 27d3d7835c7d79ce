"""The OpenAPI 3.1 document, made from the declarations that decide, validate and serialize: so it cannot say anything else."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

import orjson
from flask import Blueprint, Response
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from pulse.api.operations import LONGEST_ADDRESS, OPERATIONS, Operation, operation
from pulse.db import LARGEST
from pulse.extensions import services
from pulse.models.refusals import FaultCode
from pulse.problems import MEANINGS
from pulse.roles import Role
from pulse.routing import API

bp = Blueprint("api_openapi", __name__)

REFERENCES = "#/components/schemas/{model}"
TAGS = {
    "key": "The calling key itself",
    "monitors": "What is watched",
    "incidents": "Problems that alert rules found",
    "alert-rules": "What opens an incident",
    "channels": "Where notifications are sent",
    "projects": "Groups of the team's monitors",
    "members": "People in the team",
    "invitations": "Pending invitations to the team",
    "metrics": "For Prometheus",
    "openapi.json": "This document",
}
ALWAYS = {
    "X-Request-Id": ("string", "An id by which support can look up the request."),
    "Cache-Control": ("string", "`no-store`."),
}
RATE = {
    "X-RateLimit-Limit": ("integer", "Requests allowed per minute."),
    "X-RateLimit-Remaining": ("integer", "Requests left in this minute."),
    "X-RateLimit-Reset": ("integer", "When the count starts again, in epoch seconds."),
}
OF_A_CODE = {
    "token_missing": {"WWW-Authenticate": ("string", "How to authenticate.")},
    "ability_required": {"WWW-Authenticate": ("string", "The missing permission, as `scope`.")},
    "rate_limited": {"Retry-After": ("integer", "Seconds to wait.")},
    "unavailable": {"Retry-After": ("integer", "Seconds to wait.")},
    "method_not_allowed": {"Allow": ("string", "The methods this address accepts.")},
}
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). Some codes add members of their own.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page about the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(MEANINGS)},
        "detail": {"type": "string", "description": "What went wrong, and usually what to do about it."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "With `validation_failed`: every fault that was found.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": ["string", "null"]},
                    "code": {"enum": sorted(FaultCode)},
                    "message": {"type": "string"},
                },
            },
        },
        "required": {"type": "string", "description": "With `ability_required` and `role_required`: what is needed."},
        "role": {"type": "string", "description": "With `role_required`: the role of the key's owner."},
        "plan": {"type": "string", "description": "With `plan_required`: the team's plan."},
        "plans": {
            "type": "array",
            "items": {"type": "string"},
            "description": "With `plan_required`: the plans that include the API.",
        },
        "limit": {"type": "integer", "description": "With `limit_reached`: the limit."},
        "held": {"type": "array", "items": {"type": "string"}, "description": "With `ability_required`: the key's permissions."},
        "at": {"type": "string", "format": "date-time", "description": "When the token stopped working."},
        "retry_after": {"type": "integer", "description": "Seconds to wait."},
    },
}


@operation(bp, "GET", "/openapi.json", ability=None, public=True)
def show() -> Response:
    """Return this document; it needs no token."""
    return Response(written(services().settings.site), content_type="application/json")


@cache
def written(site: str) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(document(site), option=orjson.OPT_INDENT_2)


def document(site: str) -> dict[str, Any]:
    """Return the document for the service at `site`."""
    paths: dict[str, dict[str, Any]] = {}
    for declared in ordered():
        paths.setdefault(declared.address, {})[declared.method.lower()] = described(declared)
    nouns = sorted({tag_of(declared) for declared in OPERATIONS.values()})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pulse",
            "version": "1",
            "description": "The API of an uptime monitor. Send an API key's token with each request: `Authorization: Bearer …`.",
        },
        "servers": [{"url": f"{site}{API}"}],
        "security": [{"token": []}],
        "tags": [{"name": noun, "description": TAGS.get(noun, noun)} for noun in nouns],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "pulse_ and 46 letters and digits"}
            },
            "schemas": {**components(), "Problem": PROBLEM},
        },
    }


def ordered() -> list[Operation]:
    """Return all operations by path."""
    return sorted(OPERATIONS.values(), key=lambda each: (each.path, each.method))


def tag_of(declared: Operation) -> str:
    """Return the noun an operation is about: the first part of its path."""
    return declared.path.split("/")[1]


def described(declared: Operation) -> dict[str, Any]:
    """Return an operation as the document tells it."""
    told: dict[str, Any] = {
        "operationId": declared.name,
        "summary": declared.summary,
        "tags": [tag_of(declared)],
        "parameters": [*in_path(declared), *in_query(declared), *in_headers(declared)],
        "responses": responses(declared),
    }
    if declared.public:
        told["security"] = []
    elif declared.ability:
        told["description"] = f"Permission: `{declared.ability.value}`. {declared.ability.sentence}"
        told["x-ability"] = declared.ability.value
    if declared.body is not None:
        schema = {"$ref": REFERENCES.format(model=names()[declared.body, "validation"])}
        told["requestBody"] = {"required": not declared.optional, "content": {"application/json": {"schema": schema}}}
    return told


def in_path(declared: Operation) -> list[dict[str, Any]]:
    """Return the parameters in an operation's path."""
    found = re.findall(r"<(?:(\w+):)?(\w+)>", declared.path)
    whole = {"type": "integer", "minimum": 1, "maximum": LARGEST}
    text = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}
    return [{"name": name, "in": "path", "required": True, "schema": whole if kind == "id" else text} for kind, name in found]


def in_query(declared: Operation) -> list[dict[str, Any]]:
    """Return the parameters in an operation's query."""
    schema = declared.query.model_json_schema(ref_template=REFERENCES)
    required = schema.get("required", ())
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": bounded(inlined(value, definitions))}
        for name, value in schema.get("properties", {}).items()
    ]


def bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without a length that no address could hold: that of the whole address is the bound."""
    return {name: value for name, value in schema.items() if name != "maxLength" or value <= LONGEST_ADDRESS}


def in_headers(declared: Operation) -> list[dict[str, Any]]:
    """Return the headers that an operation heeds besides `Authorization`."""
    if declared.method != "POST" or not declared.repeatable:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[\\x20-\\x7e]+$"}
    about = "A repeat of the request with the same value, from the same API key within 24 hours, gets the first reply."
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": about, "schema": schema}]


def inlined(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a parameter's schema with what it refers to put in place; null is what is not given, and no value of its own."""
    if isinstance(value, list):
        return [inlined(each, definitions) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    schema = cast("dict[str, Any]", value)
    if "$ref" in schema:
        return inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) == 1:
        return inlined(kinds[0], definitions)
    return {name: inlined(each, definitions) for name, each in spelled(schema).items() if (name, each) != ("default", None)}


def spelled(schema: Any) -> Any:
    """Return a schema with bounds in the document's words, where a validator of ours has hidden them from pydantic."""
    if isinstance(schema, list):
        return [spelled(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    words = {"ge": "minimum", "le": "maximum"}
    return {words.get(name, name): spelled(each) for name, each in cast("dict[str, Any]", schema).items()}


def responses(declared: Operation) -> dict[str, Any]:
    """Return all that an operation can answer, by status."""
    told: dict[str, Any] = {}
    answers = declared.reply or declared.public or declared.texts
    for status in sorted({declared.status, *declared.also_status} if answers else {204}):
        told[str(status)] = success(declared, status)
    by_status: dict[int, list[str]] = {}
    for code in codes(declared):
        by_status.setdefault(MEANINGS[code].status, []).append(code)
    for status, found in sorted(by_status.items()):
        told[str(status)] = failure(found)
    return told


def success(declared: Operation, status: int) -> dict[str, Any]:
    """Return the reply of an operation that did what was asked."""
    extra: dict[str, tuple[str, str]] = {}
    if status == 201 and "Location" in declared.headers:
        extra["Location"] = ("string", "The address of the new resource.")
    if "cursor" in declared.query.model_fields:
        extra["Link"] = ("string", 'The next page, as `rel="next"`, if there is one.')
    told: dict[str, Any] = {"description": declared.summary, "headers": headers(ALWAYS, {} if declared.public else RATE, extra)}
    # JSON first: a generated client reads what stands first.
    content: dict[str, Any] = {}
    if declared.reply is not None:
        content["application/json"] = {"schema": {"$ref": REFERENCES.format(model=names()[declared.reply, "serialization"])}}
    elif declared.public:
        content["application/json"] = {"schema": {"type": "object"}}
    content |= {kind: {"schema": {"type": "string"}} for kind in declared.texts}
    return {**told, "content": content} if content else told


def failure(found: Iterable[str]) -> dict[str, Any]:
    """Return the reply that tells one of some problems of one status."""
    known = list(found)
    schema = {"allOf": [{"$ref": REFERENCES.format(model="Problem")}, {"properties": {"code": {"enum": known}}}]}
    extra = {name: value for code in known for name, value in OF_A_CODE.get(code, {}).items()}
    text = " ".join(f"`{code}`: {MEANINGS[code].detail}" for code in known)
    return {"description": text, "headers": headers(ALWAYS, extra), "content": {"application/problem+json": {"schema": schema}}}


def headers(*groups: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the headers of some groups as the document tells them."""
    return {name: {"schema": {"type": kind}, "description": text} for group in groups for name, (kind, text) in group.items()}


def codes(declared: Operation) -> list[str]:
    """Return the codes of all problems that an operation can end in."""
    found = ["uri_too_long", "internal_error", "unavailable", "validation_failed"]
    if not declared.public:
        found += ("token_missing", "token_malformed", "token_unknown", "token_rotated", "token_deleted", "token_expired")
        found += ("account_suspended", "membership_ended", "plan_required", "rate_limited")
    found.append("https_required")
    if declared.reply is not None or declared.texts:
        found.append("not_acceptable")
    if "<" in declared.path:
        found.append("not_found")
    if declared.method in ("POST", "PUT", "PATCH"):
        found += ("malformed_request", "body_too_large")
    if declared.body is not None:
        found.append("unsupported_media_type")
    if "cursor" in declared.query.model_fields:
        found.append("malformed_request")
    if declared.ability is not None:
        found.append("ability_required")
        if not all(role.allows(declared.ability) for role in Role):
            found.append("role_required")
    if declared.method != "GET":
        # Whoever else changes the same may be quicker.
        found.append("conflict")
    return [code for code in MEANINGS if code in {*found, *declared.problems}]


@cache
def _schemas() -> tuple[dict[tuple[type, JsonSchemaMode], str], dict[str, Any]]:
    bodies: list[tuple[Any, JsonSchemaMode]] = [(each.body, "validation") for each in ordered() if each.body]
    replies: list[tuple[Any, JsonSchemaMode]] = [(each.reply, "serialization") for each in ordered() if each.reply]
    wanted = list(dict.fromkeys(bodies + replies))
    references, definitions = models_json_schema(wanted, ref_template=REFERENCES)
    named = {key: value["$ref"].rpartition("/")[2] for key, value in references.items()}
    return named, spelled(definitions.get("$defs", {}))  # pyright: ignore[reportReturnType] - keyed by the models that were given


def names() -> Mapping[tuple[type, JsonSchemaMode], str]:
    """Return how the document calls each model."""
    return _schemas()[0]


def components() -> Mapping[str, Any]:
    """Return the schemas of all models."""
    return _schemas()[1]
