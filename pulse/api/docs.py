"""The API's own page for people: every operation and every error, from the declarations that decide."""

import json
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, render_template, request

from pulse.api.answers import codes
from pulse.api.compressing import compressed
from pulse.api.limits import OWNER_FACTOR
from pulse.api.openapi import NOUNS, in_headers, in_path, in_query, tag_of
from pulse.api.operations import OPERATIONS, Operation
from pulse.api.samples import answer_of, given
from pulse.api.shapes import names, schemas
from pulse.api.wording import field, fields_of, plain
from pulse.extensions import services
from pulse.models.remembered_reply import KEPT
from pulse.plans import API_PLANS
from pulse.problems import MEANINGS
from pulse.routing import API

bp = Blueprint("docs", __name__, url_prefix="/docs")

KEPT_SECONDS = 60


@bp.get("")
def index() -> Response:
    """Show the operations by noun, those alone that hold what is looked for; and the errors by status."""
    sought = request.args.get("q", "").strip()[:100]
    order, base = list(NOUNS), f"{services().settings.site}{API}"
    told = [described(each, base) for each in OPERATIONS.values() if matches(each, sought)]
    told.sort(key=lambda each: order.index(each["noun"]))
    page = render_template(
        "docs/index.html",
        operations=told,
        nouns={noun: NOUNS[noun] for noun in dict.fromkeys(each["noun"] for each in told)},
        errors=sorted(MEANINGS.items(), key=lambda each: each[1].status),
        base=base,
        sought=sought,
        plans=API_PLANS,
        owner_factor=OWNER_FACTOR,
        hours=int(KEPT / timedelta(hours=1)),
    )
    return kept_briefly(compressed(page.encode(), "text/html; charset=utf-8"), page)


def kept_briefly(response: Response, page: str) -> Response:
    """Let a browser keep the page for a minute, and ask afterwards whether it has changed: nothing in it is anybody's."""
    response.set_etag(sha256(page.encode()).hexdigest()[:16], weak=True)
    response.headers["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    response.vary.add("Cookie")
    response.make_conditional(request)
    return response


def matches(declared: Operation, sought: str) -> bool:
    """Tell whether an operation is about what is looked for, whatever the case."""
    told = f"{declared.method} {declared.address} {declared.summary} {declared.ability or ''}".lower()
    return all(word in told for word in sought.lower().split())


@cache
def described(declared: Operation, base: str) -> dict[str, Any]:
    """Return what the page tells of an operation, worked out once."""
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
        "curl": curl(declared, fields, base),
        "reply": reply_of(declared),
        "answer": answer_of(declared),
        "codes": codes(declared),
    }


def parameter(told: dict[str, Any]) -> dict[str, Any]:
    """Return one parameter in the page's words."""
    about = told.get("description", "")
    return {"place": told["in"]} | field(told["name"], {"description": about} | told["schema"], required=told["required"])


def body_fields(declared: Operation) -> list[dict[str, Any]]:
    """Return the fields of an operation's body in the page's words."""
    return list(fields_of(schemas()[names()[declared.body, "validation"]])) if declared.body else []


def curl(declared: Operation, fields: list[dict[str, Any]], base: str) -> str:
    """Return a line that runs as it is, once TOKEN is set."""
    path = declared.address
    for each in in_path(declared):
        path = path.replace(f"{{{each['name']}}}", "1" if each["schema"]["type"] == "integer" else "shop-prod")
    parts = ["curl"] + (
        [f"-X {declared.method}"] if declared.method != "GET" and not (declared.method == "POST" and fields) else []
    )
    if not declared.public:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    examples = given(declared)
    if sent := {each["name"]: examples.get(each["name"], "…") for each in fields if each["required"]}:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(sent, ensure_ascii=False)}'"]
    elif fields:
        name = next((each["name"] for each in fields if each["name"] in examples), None)
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps({name: examples[name]} if name else {})}'"]
    return " ".join([*parts, f"{base}{path}"])


def reply_of(declared: Operation) -> list[dict[str, Any]]:
    """Return the fields of an operation's reply with their types; a list's are those of what it lists."""
    if declared.reply is None:
        return []
    schema = schemas()[names()[declared.reply, "serialization"]]
    if set(schema["properties"]) == {"data", "next_cursor"}:
        schema = plain(schema["properties"]["data"]["items"])
    return [each | {"required": False} for each in fields_of(schema)]
