"""What an alert rule's fields may be: one rule for each, for forms and programs alike."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypedDict

from pulse.models.conditions import Condition, Operator, Window
from pulse.models.name import check_name
from pulse.models.refusals import Invalid
from pulse.models.scope import check_monitor_ids
from pulse.models.text import check_text

LONGEST_DESCRIPTION = 500
LONGEST_COOLDOWN = 7 * 24 * 60
MOST_IN_A_ROW = 100
RESOLVE_AFTER = 2
"""How many good checks in a row end an incident, where its rule says nothing or is gone."""
RANGES = {
    Condition.CHECK_FAILED: (1, MOST_IN_A_ROW, "failed checks in a row"),
    Condition.STATUS_CODE: (100, 599, "status code"),
    Condition.RESPONSE_TIME: (1, 60_000, "milliseconds"),
    Condition.UPTIME: (0.01, 100, "percent"),
    Condition.TLS_EXPIRY: (1, 365, "days"),
}
"""The least and the greatest value, and what it is."""


class Severity(StrEnum):
    """How bad an incident is; a rule's priority, once it has opened one."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class RuleFields(TypedDict, total=False):
    """What is to be written of a rule: an absent field keeps what is stored, None brings the default back."""

    name: str | None
    description: str | None
    condition: str | None
    operator: str | None
    value: float | None
    window: str | None
    monitor_ids: list[int] | None
    """None: all monitors."""
    channel_ids: list[int] | None
    cooldown_minutes: int | None
    priority: str | None
    resolve_after: int | None
    active: bool | None


DEFAULTS: RuleFields = {
    "name": "",
    "description": None,
    "condition": Condition.CHECK_FAILED.value,
    "operator": None,
    "value": None,
    "window": None,
    "monitor_ids": None,
    "channel_ids": [],
    "cooldown_minutes": 0,
    "priority": Severity.HIGH.value,
    "resolve_after": RESOLVE_AFTER,
    "active": True,
}


def check_fields(fields: RuleFields) -> tuple[dict[str, Any], list[Invalid]]:
    """Return a whole rule's values in the form to store, and all that is wrong with them."""
    values: dict[str, Any] = {}
    faults: list[Invalid] = []
    for field, check in CHECKS.items():
        given = fields.get(field)
        try:
            values[field] = check(DEFAULTS.get(field) if given is None else given)
        except Invalid as fault:
            faults.append(fault)
    for field, check in COMPARED.items():
        try:
            values[field] = check(values.get("condition"), fields.get(field))
        except Invalid as fault:
            faults.append(fault)
    return values, faults


def _description(text: str | None) -> str | None:
    return check_text(text, "description", LONGEST_DESCRIPTION)


def _one_of(field: str, kinds: type[StrEnum]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in set(kinds):
            raise Invalid(field, f"Choose one of {', '.join(kinds)}.")
        return text

    return check


def _whole(field: str, least: int, most: int) -> Callable[[int], int]:
    def check(number: int) -> int:
        if not least <= number <= most:
            raise Invalid(field, f"Use a whole number from {least} to {most:,}.")
        return number

    return check


def _operator(condition: str | None, given: str | None) -> str | None:
    if condition is None:
        return None if given is None else _one_of("operator", Operator)(given)
    offered = [each.value for each in Condition(condition).operators]
    if given is None:
        return offered[0] if offered else None
    if given not in offered:
        mend = f"Choose one of {', '.join(offered)}." if offered else "This condition has no operator: leave it out."
        raise Invalid("operator", mend)
    return given


def _value(condition: str | None, given: float | None) -> float:
    if condition is None:
        if given is None:
            raise Invalid("value", "Give the number that the condition compares with.")
        return float(given)
    least, most, what = RANGES[Condition(condition)]
    if given is None or not least <= given <= most:
        raise Invalid("value", f"Use a number from {least:g} to {most:,g} ({what}).")
    if condition != Condition.UPTIME.value and given != int(given):
        raise Invalid("value", f"Use a whole number from {least:g} to {most:,g} ({what}).")
    return float(given)


def _window(condition: str | None, given: str | None) -> str | None:
    if condition not in (None, Condition.UPTIME.value):
        if given is not None:
            raise Invalid("window", "Only an uptime condition has a window: leave it out.")
        return None
    return _one_of("window", Window)(given or Window.DAY.value)


def _ids(ids: list[int]) -> list[int]:
    return sorted(set(ids))


CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": check_name,
    "description": _description,
    "condition": _one_of("condition", Condition),
    "monitor_ids": check_monitor_ids,
    "channel_ids": _ids,
    "cooldown_minutes": _whole("cooldown_minutes", 0, LONGEST_COOLDOWN),
    "priority": _one_of("priority", Severity),
    "resolve_after": _whole("resolve_after", 1, MOST_IN_A_ROW),
    "active": bool,
}
COMPARED: dict[str, Callable[[str | None, Any], Any]] = {"operator": _operator, "value": _value, "window": _window}
"""What a condition is compared by; where the condition itself is wrong, the most that can be said of it."""
