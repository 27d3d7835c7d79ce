"""What each plan includes, per team."""

from dataclasses import dataclass
from enum import StrEnum

INTERVALS = (5, 10, 15, 30, 60, 300, 900, 3600)
"""Check intervals that are offered, in seconds."""


class Plan(StrEnum):
    """A team's plan; its value is the name programs use."""

    FREE = "free"
    STARTER = "starter"
    PROFESSIONAL = "professional"
    TEAM = "team"

    # An enumeration's own is written in Python, and the request hook looks plans and roles up by the thousand.
    __hash__ = str.__hash__

    @property
    def label(self) -> str:
        """The name people read."""
        return self.value.capitalize()

    @property
    def limits(self) -> "Limits":
        """What the plan includes."""
        return LIMITS[self]

    @property
    def has_api(self) -> bool:
        """Whether keys of a team on this plan work."""
        return self.limits.api_keys > 0

    def is_smaller_than(self, other: "Plan") -> bool:
        """Tell whether it includes less than another."""
        sizes = list(Plan)
        return sizes.index(self) < sizes.index(other)

    def room(self, act: str) -> str:
        """Return what makes room where one of its numbers is used up: `act`, or a larger plan where there is one."""
        return f"{act}." if self is list(Plan)[-1] else f"{act}, or choose a larger plan."

    @property
    def intervals(self) -> tuple[int, ...]:
        """The check intervals a monitor may have, in seconds, shortest first."""
        return tuple(i for i in INTERVALS if i >= self.limits.shortest_interval)


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of one plan: seconds, counts, days, requests a minute."""

    shortest_interval: int
    monitors: int
    members: int
    history_days: int
    api_keys: int
    requests_per_minute: int
    webhook_channels: bool


LIMITS = {
    Plan.FREE: Limits(60, 10, 1, 7, 0, 0, webhook_channels=False),
    Plan.STARTER: Limits(60, 25, 3, 30, 5, 60, webhook_channels=True),
    Plan.PROFESSIONAL: Limits(15, 100, 10, 90, 20, 300, webhook_channels=True),
    Plan.TEAM: Limits(5, 500, 25, 365, 100, 1200, webhook_channels=True),
}

API_PLANS = tuple(plan for plan in Plan if plan.has_api)
"""The plans with which API keys work."""
