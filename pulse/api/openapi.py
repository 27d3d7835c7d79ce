"""The OpenAPI 3.1 document, made from the declarations that decide, validate and serialize: so it cannot say anything else."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

import orjson
from flask import Blueprint, Response

from pulse.api.answers import PROBLEM, failures, responses, told_headers
from pulse.api.compressing import compressed
from pulse.api.monitor_schemas import NAMED
from pulse.api.operations import Operation, operation
from pulse.api.shapes import REFERENCES, names, ordered, schemas, spelled
from pulse.db import LARGEST
from pulse.extensions import services
from pulse.routing import API

bp = Blueprint("api_openapi", __name__)

NOUNS = {
    "key": ("API key", "The calling key itself"),
    "monitors": ("Monitors", "What is watched, and its checks"),
    "incidents": ("Incidents", "Problems that alert rules found"),
    "alert-rules": ("Alert rules", "What opens an incident"),
    "channels": ("Notification channels", "Where notifications are sent"),
    "projects": ("Projects", "Groups of the team's monitors"),
    "members": ("Members", "People in the team"),
    "invitations": ("Invitations", "Pending invitations to the team"),
    "metrics": ("Metrics", "For Prometheus"),
    "openapi.json": ("OpenAPI document", "This document"),
}
"""What each part of the API is called, and what it is; in the order in which people read."""


@operation(bp, "GET", "/openapi.json", ability=None, public=True)
def show() -> Response:
    """Return this document; it needs no token."""
    return compressed(written(services().settings.site), "application/json")


@cache
def written(site: str) -> bytes:
    """Return the document as JSON."""
    return orjson.dumps(document(site))


def document(site: str) -> dict[str, Any]:
    """Return the document for the service at `site`."""
    paths: dict[str, dict[str, Any]] = {}
    for declared in ordered():
        paths.setdefault(declared.address, {})[declared.method.lower()] = described(declared)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pulse",
            "version": "1",
            "description": "The API of an uptime monitor. Send an API key's token with each request: `Authorization: Bearer …`.",
        },
        "servers": [{"url": f"{site}{API}"}],
        "security": [{"token": []}],
        "tags": [{"name": noun, "description": about} for noun, (_, about) in NOUNS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "pulse_ and 46 letters and digits"}
            },
            "schemas": {**schemas(), "Problem": PROBLEM},
            "headers": told_headers(),
            "responses": failures(),
        },
    }


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
    text = {"type": "string", **NAMED}
    return [{"name": name, "in": "path", "required": True, "schema": whole if kind == "id" else text} for kind, name in found]


def in_query(declared: Operation) -> list[dict[str, Any]]:
    """Return the parameters in an operation's query."""
    schema = declared.query.model_json_schema(ref_template=REFERENCES)
    required = schema.get("required", ())
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": inlined(value, definitions)}
        for name, value in schema.get("properties", {}).items()
    ]


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
