"""What of a team's things a person may change: nothing, for those who only read."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask_login import login_required

from pulse.problems import Problem
from pulse.web import visits

P = ParamSpec("P")
R = TypeVar("R")


def why_only_reading() -> str:
    """Say why the person only reads in the team they look at, and what would change it."""
    place = visits.membership()
    if place.role.writes:
        plan = place.team.plan.label
        return f"The team has more members than the {plan} plan includes, so you can only read for now. Ask the team's Owner."
    return f"Your role, {place.role.label}, can only read. Ask the team's Owner or an Admin for another role."


def writers_only(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse whoever is not signed in, or only reads in the team they look at."""

    @login_required
    @wraps(view)
    def judged(*args: P.args, **kwargs: P.kwargs) -> R:
        role = visits.role()
        if not role.writes:
            raise Problem("role_required", why_only_reading())
        return view(*args, **kwargs)

    return judged
