"""What a monitor's fields may be: one rule for each, for forms and programs alike."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from pulse.addresses import AddressGuard, InvalidUrl, monitorable_url
from pulse.models.name import check_name
from pulse.models.refusals import Invalid
from pulse.plans import Plan
from pulse.probe import METHODS, WITH_BODY, BasicAuth, BearerAuth, InvalidHeaders, check_headers

TIMEOUTS = range(1, 61)
STATUSES = range(200, 600)
"""A reply with one of 1xx is followed by another: none is ever the last word."""
LARGEST_BODY = 64 * 1024
LONGEST_CREDENTIAL = 4096
AUTH_TYPES = ("none", "basic", "bearer")

EXTERNAL_ID = r"[A-Za-z0-9._-]{1,128}"
NO_EXTERNAL_IDS = (".", "..")
"""As a part of an address these mean another one, to which clients go before they ask."""
NO_BODY = "Only POST, PUT and PATCH can send a body: clear it, or choose one of these methods."
TWICE = "Authentication sends an Authorization header of its own: choose one of the two."


class AuthFields(TypedDict, total=False):
    """How a monitor authenticates: `type` is `none`, `basic` (with username and password) or `bearer` (with token)."""

    type: str
    username: str | None
    password: str | None
    token: str | None


class MonitorFields(TypedDict, total=False):
    """What is to be written of a monitor: an absent field keeps what is stored, None (or an empty one) clears it."""

    external_id: str | None
    name: str | None
    url: str | None
    method: str | None
    project_id: int | None
    interval_seconds: int | None
    timeout_seconds: int | None
    expected_status: int | None
    verify_tls: bool | None
    headers: dict[str, str] | None
    body: str | None
    auth: AuthFields | None


CLEARED: MonitorFields = {
    "external_id": None,
    "name": None,
    "url": None,
    "method": None,
    "project_id": None,
    "interval_seconds": None,
    "timeout_seconds": None,
    "expected_status": None,
    "verify_tls": None,
    "headers": None,
    "body": None,
    "auth": None,
}
"""Every field cleared: what is written over it is a whole monitor."""

DEFAULTS: MonitorFields = {
    "method": "GET",
    "interval_seconds": 60,
    "timeout_seconds": 30,
    "expected_status": 200,
    "verify_tls": True,
}
"""What a field holds that is cleared, where that is not nothing."""


def check_fields(
    fields: MonitorFields, plan: Plan, guard: AddressGuard, *, method: str = "GET"
) -> tuple[dict[str, Any], list[Invalid]]:
    """Return the values to store and every fault there is; `method` is the stored one. A project is not looked up here."""
    values: dict[str, Any] = {}
    faults: list[Invalid] = []
    rules = _rules(plan, guard)
    for field, value in fields.items():
        try:
            values[field] = rules[field](DEFAULTS.get(field, value) if value in (None, "") else value)
        except Invalid as fault:
            faults.append(fault)
    if values.get("body") and values.get("method", method) not in WITH_BODY:
        faults.append(Invalid("body", NO_BODY))
    if values.get("auth") and has_authorization(values.get("headers", ())):
        faults.append(Invalid("auth", TWICE))
    return values, faults


def has_authorization(names: Iterable[str]) -> bool:
    """Tell whether one of some headers, by their names, is Authorization."""
    return any(name.lower() == "authorization" for name in names)


def _rules(plan: Plan, guard: AddressGuard) -> Mapping[str, Callable[[Any], Any]]:
    return {
        "external_id": _external_id,
        "name": _name,
        "url": lambda text: _url(text, guard),
        "method": _method,
        "project_id": lambda number: number,
        "interval_seconds": lambda seconds: _interval(seconds, plan),
        "timeout_seconds": _timeout,
        "expected_status": _status,
        "verify_tls": lambda value: value,
        "headers": _headers,
        "body": _body,
        "auth": _auth,
    }


def _external_id(text: str | None) -> str | None:
    if text is not None and (text in NO_EXTERNAL_IDS or not re.fullmatch(EXTERNAL_ID, text)):
        raise Invalid(
            "external_id",
            "Use 1 to 128 letters, digits, dots, underscores and hyphens; . and .. alone cannot stand in an address.",
        )
    return text


def _name(text: str | None) -> str:
    return check_name(text or "")


def _url(text: str | None, guard: AddressGuard) -> str:
    try:
        return monitorable_url(text or "", guard)
    except InvalidUrl as error:
        raise Invalid("url", str(error)) from error


def _method(text: str) -> str:
    method = text.upper()
    if method not in METHODS:
        raise Invalid("method", f"Choose one of {', '.join(METHODS)}.")
    return method


def _interval(seconds: int, plan: Plan) -> int:
    if seconds not in plan.intervals:
        offered = ", ".join(str(each) for each in plan.intervals)
        raise Invalid("interval_seconds", f"The {plan.label} plan offers intervals of {offered} seconds.")
    return seconds


def _timeout(seconds: int) -> int:
    if seconds not in TIMEOUTS:
        raise Invalid("timeout_seconds", f"Use {TIMEOUTS.start} to {TIMEOUTS.stop - 1} seconds.")
    return seconds


def _status(code: int) -> int:
    if code not in STATUSES:
        raise Invalid("expected_status", f"Use a status code from {STATUSES.start} to {STATUSES.stop - 1}.")
    return code


def _headers(headers: dict[str, str] | None) -> dict[str, str]:
    try:
        return check_headers(headers or {})
    except InvalidHeaders as error:
        raise Invalid("headers", str(error)) from error


def _body(text: str | None) -> str | None:
    try:
        size = len((text or "").encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Invalid("body", "This has characters that cannot be sent. Type it again.") from error
    if size > LARGEST_BODY:
        raise Invalid("body", f"Use at most {LARGEST_BODY // 1024} KiB.")
    return text or None


def _auth(fields: AuthFields | None) -> BasicAuth | BearerAuth | None:
    try:
        match (fields or {}).get("type", "none"):
            case "none":
                return None
            case "basic":
                return _basic(fields or {})
            case "bearer":
                return BearerAuth((fields or {}).get("token") or "")
            case _:
                raise Invalid("auth", f"Choose one of {', '.join(AUTH_TYPES)}.")
    except InvalidHeaders as error:
        raise Invalid("auth", str(error)) from error


def _basic(fields: AuthFields) -> BasicAuth:
    username, password = fields.get("username") or "", fields.get("password") or ""
    if not username or not password:
        raise Invalid("auth", "Basic Auth needs a username and a password.")
    if len(username) > LONGEST_CREDENTIAL or len(password) > LONGEST_CREDENTIAL:
        raise Invalid("auth", f"Use at most {LONGEST_CREDENTIAL:,} characters each for the username and the password.")
    return BasicAuth(username, password)
