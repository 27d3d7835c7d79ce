"""What a rule may answer instead of acting: each with the words for the person or program that asked."""

from enum import StrEnum

from pulse.plans import API_PLANS, Plan


class FaultCode(StrEnum):
    """What can be wrong with a field: the closed list of `errors[].code`."""

    INVALID = "invalid"
    REQUIRED = "required"
    UNKNOWN = "unknown"
    REPEATED = "repeated"


class Refused(Exception):
    """A rule said no. Its text is for whoever asked; `field` is the field at fault."""

    field: str | None = None


class Conflict(Refused):
    """What was asked for is no longer possible: somebody else was quicker, or it was done already."""


class NameTaken(Refused):
    """Another live thing of the same owner has this name."""

    field = "name"


class LimitReached(Refused):
    """The number of something is used up: the plan's, or one that is the same on every plan."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


class RoleRequired(Refused):
    """The role of whoever acts does not allow it, whatever it was when they began."""

    def __init__(self, message: str, role: str) -> None:
        super().__init__(message)
        self.role = role


class RateLimited(Refused):
    """It was asked for too often. `seconds` is how long to wait."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class PlanRequired(Refused):
    """The team's plan does not include this."""

    def __init__(self, plan: Plan) -> None:
        names = [each.label for each in API_PLANS]
        super().__init__(f"API access needs the {', '.join(names[:-1])} or {names[-1]} plan.")
        self.plan = plan


class Invalid(Refused):
    """A value breaks a field's rule."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Faults(Refused):
    """Several values break their fields' rules; all are told at once."""

    def __init__(self, faults: list[Invalid]) -> None:
        super().__init__(" ".join(str(fault) for fault in faults))
        self.faults = faults
