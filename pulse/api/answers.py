"""What operations answer, as the OpenAPI document tells it: success, and every problem by its status."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pulse.api.operations import Operation
from pulse.api.shapes import REFERENCES, names, ordered
from pulse.models.refusals import FaultCode
from pulse.problems import MEANINGS
from pulse.roles import Role

HEADERS = {
    "X-Request-Id": ("string", "An id by which support can look up the request."),
    "Cache-Control": ("string", "`no-store`."),
    "X-RateLimit-Limit": ("integer", "Requests allowed per minute."),
    "X-RateLimit-Remaining": ("integer", "Requests left in this minute."),
    "X-RateLimit-Reset": ("integer", "When the count starts again, in epoch seconds."),
    "WWW-Authenticate": ("string", "How to authenticate; with `ability_required`, the missing permission as `scope`."),
    "Retry-After": ("integer", "Seconds to wait."),
    "Allow": ("string", "The methods this address accepts."),
    "Location": ("string", "The address of the new resource."),
    "Link": ("string", 'The next page, as `rel="next"`, if there is one.'),
}
ALWAYS = ("X-Request-Id", "Cache-Control")
RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
OF_A_CODE = {
    "token_missing": "WWW-Authenticate",
    "ability_required": "WWW-Authenticate",
    "rate_limited": "Retry-After",
    "unavailable": "Retry-After",
    "method_not_allowed": "Allow",
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


def responses(declared: Operation) -> dict[str, Any]:
    """Return all that an operation can answer, by status."""
    told: dict[str, Any] = {}
    answers = declared.reply or declared.public or declared.texts
    for status in sorted({declared.status, *declared.also_status} if answers else {204}):
        told[str(status)] = success(declared, status)
    for failed in by_status(declared):
        told[str(status_of(failed))] = {"$ref": f"#/components/responses/{failure_names()[failed]}"}
    return told


def by_status(declared: Operation) -> list[tuple[str, ...]]:
    """Return the codes an operation can end in, those of one status together."""
    found: dict[int, list[str]] = {}
    for code in codes(declared):
        found.setdefault(MEANINGS[code].status, []).append(code)
    return [tuple(found[status]) for status in sorted(found)]


def status_of(failed: Sequence[str]) -> int:
    """Return the status of codes that share one."""
    return MEANINGS[failed[0]].status


@cache
def failure_names() -> Mapping[tuple[str, ...], str]:
    """Return how the document calls each reply that tells of a problem; many operations share one."""
    found = sorted({failed for declared in ordered() for failed in by_status(declared)}, key=lambda each: (status_of(each), each))
    named: dict[tuple[str, ...], str] = {}
    for failed in found:
        alike = sum(status_of(each) == status_of(failed) for each in named)
        named[failed] = f"Problem{status_of(failed)}" + (f"_{alike + 1}" if alike else "")
    return named


def failures() -> dict[str, Any]:
    """Return all replies that tell of problems, by their names."""
    return {name: failure(failed) for failed, name in failure_names().items()}


def success(declared: Operation, status: int) -> dict[str, Any]:
    """Return the reply of an operation that did what was asked."""
    names_of = [*ALWAYS, *(() if declared.public else RATE)]
    if status == 201 and "Location" in declared.headers:
        names_of.append("Location")
    if "cursor" in declared.query.model_fields:
        names_of.append("Link")
    told: dict[str, Any] = {"description": declared.summary, "headers": headers(names_of)}
    # JSON first: a generated client reads what stands first.
    content: dict[str, Any] = {}
    if declared.reply is not None:
        content["application/json"] = {"schema": {"$ref": REFERENCES.format(model=names()[declared.reply, "serialization"])}}
    elif declared.public:
        content["application/json"] = {"schema": {"type": "object"}}
    content |= {kind: {"schema": {"type": "string"}} for kind in declared.texts}
    return {**told, "content": content} if content else told


def failure(failed: Sequence[str]) -> dict[str, Any]:
    """Return the reply that tells one of some problems of one status."""
    schema = {"allOf": [{"$ref": REFERENCES.format(model="Problem")}, {"properties": {"code": {"enum": [*failed]}}}]}
    extra = dict.fromkeys(OF_A_CODE[code] for code in failed if code in OF_A_CODE)
    text = " ".join(f"`{code}`: {MEANINGS[code].detail}" for code in failed)
    return {
        "description": text,
        "headers": headers((*ALWAYS, *extra)),
        "content": {"application/problem+json": {"schema": schema}},
    }


def headers(wanted: Iterable[str]) -> dict[str, Any]:
    """Return some headers as a reply refers to them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in wanted}


def told_headers() -> dict[str, Any]:
    """Return all headers as the document tells them."""
    return {name: {"schema": {"type": kind}, "description": text} for name, (kind, text) in HEADERS.items()}


def codes(declared: Operation) -> list[str]:
    """Return the codes of all problems that an operation can end in."""
    found = ["uri_too_long", "internal_error", "unavailable", "validation_failed", "malformed_request"]
    if not declared.public:
        found += ("token_missing", "token_malformed", "token_unknown", "token_rotated", "token_deleted", "token_expired")
        found += ("account_suspended", "membership_ended", "plan_required", "rate_limited")
    found.append("https_required")
    if declared.reply is not None or declared.texts:
        found.append("not_acceptable")
    if "<" in declared.path:
        found.append("not_found")
    if declared.method in ("POST", "PUT", "PATCH"):
        found += ("body_too_large", "unsupported_media_type")
    if declared.ability is not None:
        found.append("ability_required")
        if not all(role.allows(declared.ability) for role in Role):
            found.append("role_required")
    if declared.method != "GET":
        # Whoever else changes the same may be quicker.
        found.append("conflict")
    return [code for code in MEANINGS if code in {*found, *declared.problems}]
