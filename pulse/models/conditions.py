"""What alert rules look at, and whether a monitor's newest check meets it: pure, nothing is read or written here."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

DAY = timedelta(days=1)


class Condition(StrEnum):
    """What a rule looks at."""

    CHECK_FAILED = "check_failed"
    STATUS_CODE = "status_code"
    RESPONSE_TIME = "response_time"
    UPTIME = "uptime"
    TLS_EXPIRY = "tls_expiry"

    @property
    def label(self) -> str:
        """The words people read."""
        return LABELS[self]

    @property
    def operators(self) -> "tuple[Operator, ...]":
        """The comparisons it can be made with, the usual one first; none where there is nothing to compare."""
        return OPERATORS[self]

    @property
    def is_slow(self) -> bool:
        """Whether it stays as it is for days whatever the next checks say."""
        return self in (Condition.UPTIME, Condition.TLS_EXPIRY)


class Operator(StrEnum):
    """How a figure is compared with a rule's value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"

    @property
    def label(self) -> str:
        """The words people read between the figure and the value."""
        return WORDS[self]

    def holds(self, figure: float, value: float) -> bool:
        """Compare."""
        compare: Callable[[float, float], bool] = getattr(operator, {"gte": "ge", "lte": "le"}.get(self.value, self.value))
        return compare(figure, value)


class Window(StrEnum):
    """How far back an uptime reaches: so many clock hours, the one under way included."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def hours(self) -> int:
        """How many clock hours it takes in."""
        return {"1h": 1, "24h": 24, "7d": 168, "30d": 720}[self.value]

    @property
    def label(self) -> str:
        """The words people read."""
        return {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}[self.value]


LABELS = {
    Condition.CHECK_FAILED: "Check failed",
    Condition.STATUS_CODE: "Status Code",
    Condition.RESPONSE_TIME: "Response Time",
    Condition.UPTIME: "Uptime Percentage",
    Condition.TLS_EXPIRY: "SSL Certificate Expiry",
}
WORDS = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.GT: "is above",
    Operator.GTE: "is at least",
    Operator.LT: "is below",
    Operator.LTE: "is at most",
}
OPERATORS = {
    Condition.CHECK_FAILED: (),
    Condition.STATUS_CODE: (Operator.EQ, Operator.NE, Operator.GT, Operator.GTE, Operator.LT, Operator.LTE),
    Condition.RESPONSE_TIME: (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE),
    Condition.UPTIME: (Operator.LT, Operator.LTE),
    Condition.TLS_EXPIRY: (Operator.LT, Operator.LTE),
}


class Standing(NamedTuple):
    """How a monitor stands after its newest check."""

    monitor_id: int
    team_id: int
    name: str
    up: bool
    failures: int
    """Failed checks in a row, this one included."""
    checked_at: datetime
    before: datetime | None = None
    """When the check before this one began."""
    check_id: int | None = None
    http_status_code: int | None = None
    response_time_ms: int | None = None
    certificate_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A rule's condition, apart from where it is stored."""

    condition: Condition
    operator: Operator | None
    value: float
    window: Window | None = None

    @staticmethod
    @lru_cache(maxsize=1000)
    def of(condition: str, operator: str | None, value: float, window: str | None) -> "Question":
        """Return it from its stored words; most rules are one of a few, and asked for at each check."""
        how, within = Operator(operator) if operator else None, Window(window) if window else None
        return Question(Condition(condition), how, value, within)

    def figure(self, standing: Standing, uptime: float | None = None) -> float | None:
        """Return what is compared: a number of checks, a status, milliseconds, percent or days; None where it is not known."""
        match self.condition:
            case Condition.CHECK_FAILED:
                return standing.failures
            case Condition.STATUS_CODE:
                return standing.http_status_code
            case Condition.RESPONSE_TIME:
                return standing.response_time_ms
            case Condition.UPTIME:
                return uptime
            case Condition.TLS_EXPIRY:
                end = standing.certificate_expires_at
                return None if end is None else (end - standing.checked_at) / DAY

    def is_met(self, figure: float | None) -> bool | None:
        """Tell whether a figure is one to open an incident for; None where it is not known."""
        if figure is None:
            return None
        if self.condition is Condition.CHECK_FAILED or self.operator is None:
            return figure >= self.value
        return self.operator.holds(figure, self.value)

    def is_good(self, standing: Standing, figure: float | None) -> bool | None:
        """Tell whether a check counts towards the end of an incident; None where it says nothing about it."""
        if self.condition is Condition.CHECK_FAILED:
            return standing.up
        met = self.is_met(figure)
        return None if met is None else not met

    def title(self, name: str, figure: float) -> str:
        """Return what an incident of the monitor with that name is called."""
        match self.condition:
            case Condition.CHECK_FAILED:
                return f"{name} is down"
            case Condition.STATUS_CODE:
                return f"{name} answers {figure:.0f}"
            case Condition.RESPONSE_TIME:
                return f"{name} answers in {figure:,.0f} ms"
            case Condition.UPTIME:
                return f"{name}: uptime of {self.window.label if self.window else ''} is {figure:.2f}%"
            case Condition.TLS_EXPIRY:
                return f"{name}: certificate {_ends(figure)}"

    def spoken(self, figure: float) -> str:
        """Return a figure with what it counts."""
        unit = {
            Condition.CHECK_FAILED: f" failed {'check' if figure == 1 else 'checks'} in a row",
            Condition.STATUS_CODE: "",
            Condition.RESPONSE_TIME: " ms",
            Condition.UPTIME: "%",
            Condition.TLS_EXPIRY: " days left",
        }[self.condition]
        return f"{figure:,.2f}".rstrip("0").rstrip(".") + unit

    @property
    def sentence(self) -> str:
        """The whole condition in words."""
        value = f"{self.value:g}"
        how = self.operator.label if self.operator else ""
        match self.condition:
            case Condition.CHECK_FAILED:
                return "1 failed check" if self.value == 1 else f"{value} failed checks in a row"
            case Condition.STATUS_CODE:
                return f"Status code {how} {value}"
            case Condition.RESPONSE_TIME:
                return f"Response time {how} {self.value:,.0f} ms"
            case Condition.UPTIME:
                return f"Uptime of {self.window.label if self.window else ''} {how} {value}%"
            case Condition.TLS_EXPIRY:
                return f"Certificate: time left {how} {value} {'day' if self.value == 1 else 'days'}"


def _ends(days: float) -> str:
    if days <= 0:
        return "has expired"
    whole = int(days)
    return f"expires in {whole} {'day' if whole == 1 else 'days'}" if whole else "expires within a day"
