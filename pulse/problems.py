"""The one JSON shape of every error of the API (RFC 9457), and the closed list of what can go wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from flask import Response

from pulse.lane import WholeResponse
from pulse.models.refusals import FaultCode
from pulse.tracing import Trace, request_id, trace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says: its status, its title, what is wrong, and what to do about it where that is not said already."""

    status: int
    title: str
    detail: str
    remedy: str = ""


NEVER_WIDENED = "Permissions cannot be added to a key: create a new key with this permission."

MEANINGS: Mapping[str, Meaning] = {
    "token_missing": Meaning(401, "Token missing", "Send an API key's token as 'Authorization: Bearer …'."),
    "token_malformed": Meaning(
        401, "Token malformed", "The Authorization header must be 'Bearer' and one complete token: copy the token again."
    ),
    "token_unknown": Meaning(401, "Token unknown", "This token was never issued here, or its account or team was deleted."),
    "token_rotated": Meaning(
        401,
        "Token rotated",
        "This token was replaced by a newer one: use the new one.",
        "If nobody has the new token, rotate the key again.",
    ),
    "token_deleted": Meaning(401, "Key deleted", "This token's key was deleted: create a new one."),
    "token_expired": Meaning(
        401,
        "Token expired",
        "This token's key has expired: rotate it under Settings, API Keys.",
    ),
    "account_suspended": Meaning(403, "Account suspended", "The key owner's account is suspended: contact support."),
    "membership_ended": Meaning(
        403,
        "Membership ended",
        "The key's owner is no longer a member of the team.",
        "Delete the key. Its owner needs a new one, even after rejoining the team.",
    ),
    "plan_required": Meaning(
        403,
        "Plan required",
        "The team's plan does not include API access.",
        "Choose a plan with API access under Billing, and the same token works again.",
    ),
    "ability_required": Meaning(403, "Permission missing", "This key does not have the required permission.", NEVER_WIDENED),
    "role_required": Meaning(
        403,
        "Insufficient role",
        "The key owner's role in the team does not allow this.",
        "Ask the team's Owner or an Admin for a role that allows it.",
    ),
    "limit_reached": Meaning(
        403,
        "Limit reached",
        "The limit has been reached.",
        "Delete what you do not need. A larger plan has room for more monitors and members;"
        " alert rules, channels and planned outages have the same limit on every plan.",
    ),
    "https_required": Meaning(403, "HTTPS required", "Use https://. Any token sent over http:// was readable: rotate it."),
    "not_found": Meaning(
        404,
        "Not found",
        "There is nothing at this address: check the path and the id.",
        "The API reference lists every address. Another team's resources are not found, either.",
    ),
    "method_not_allowed": Meaning(
        405,
        "Method not allowed",
        "This address does not accept this method; see the Allow header.",
        "Use a method that the API reference lists for this address.",
    ),
    "not_acceptable": Meaning(
        406,
        "Not acceptable",
        "No reply is available in a type that the Accept header allows.",
        "Ask for application/json, or leave the header out.",
    ),
    "conflict": Meaning(
        409,
        "Conflict",
        "The request does not fit the current state.",
        "Read the current state, then decide whether the request is still needed.",
    ),
    "body_too_large": Meaning(413, "Body too large", "Send at most 256 KiB."),
    "uri_too_long": Meaning(414, "Address too long", "Use a shorter address."),
    "unsupported_media_type": Meaning(415, "Unsupported media type", "Send 'Content-Type: application/json'."),
    "validation_failed": Meaning(
        422,
        "Validation failed",
        "See 'errors' in the reply: it names each field at fault and what it accepts.",
        "The API reference lists what each field accepts.",
    ),
    "malformed_request": Meaning(
        400,
        "Malformed request",
        "The request could not be read.",
        "Send one JSON object in UTF-8; the reply's detail says what was wrong.",
    ),
    "rate_limited": Meaning(
        429,
        "Too many requests",
        "Wait for the number of seconds in Retry-After, then try again.",
        "The plan sets how many requests a key may send per minute;"
        " manual checks, test notifications and invitations have limits of their own, the same on every plan.",
    ),
    "internal_error": Meaning(
        500,
        "Internal error",
        "Something went wrong on the server. It was logged under the request id.",
        "Try again. If it keeps happening, send the request_id to support.",
    ),
    "unavailable": Meaning(503, "Unavailable", "The service cannot answer at the moment: try again shortly."),
}
BY_STATUS = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "rate_limited",
    503: "unavailable",
}
"""The code of an error that the framework raised."""


class Problem(Exception):
    """An error to be answered in the one shape. `members` are the extra ones of its code."""

    def __init__(self, code: str, detail: str | None = None, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    @property
    def status(self) -> int:
        """The HTTP status of its code."""
        return MEANINGS[self.code].status


def fault(field: str | None, message: str, code: FaultCode = FaultCode.INVALID) -> dict[str, Any]:
    """Return what is wrong with one field, as `errors` tells it."""
    return {"field": field, "code": code, "message": message}


def validation_failed(*faults: dict[str, Any]) -> Problem:
    """Return the refusal that names all faults at once."""
    return Problem("validation_failed", errors=list(faults))


def found(row: T | None) -> T:
    """Return what was looked for, or answer 404: another team's is no other than one that does not exist."""
    if row is None:
        raise Problem("not_found")
    return row


def respond(problem: Problem, traced: Trace | None = None) -> Response:
    """Return the reply that tells `problem`."""
    meaning, traced = MEANINGS[problem.code], traced or trace()
    traced.code = problem.code
    body = {
        "type": f"{traced.services.settings.site}/docs#{problem.code}",
        "title": meaning.title,
        "status": meaning.status,
        "code": problem.code,
        "detail": problem.detail or meaning.detail,
        **problem.members,
        "request_id": request_id(traced),
    }
    response = WholeResponse(orjson.dumps(body), meaning.status, "application/problem+json")
    response.headers.extend(problem.headers)
    return response
