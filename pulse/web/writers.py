"""What of a team's things a person may change: nothing, for those who only read."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask_login import login_required

from pulse.problems import Problem
from pulse.web import tabs, visits

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
    """Refuse whoever is not signed in, only reads in the team they look at, or has come from another team's page."""
    return _guarded(view, keeps_typed=False)


def writers_form(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse the same people, but for who has switched: the view's `OwnedForm` comes back to them with what they typed."""
    return _guarded(view, keeps_typed=True)


def _guarded(view: Callable[P, R], *, keeps_typed: bool) -> Callable[P, R]:
    @login_required
    @wraps(view)
    def judged(*args: P.args, **kwargs: P.kwargs) -> R:
        tabs.stay(keeps_typed=keeps_typed)
        role = visits.role()
        if not role.writes:
            raise Problem("role_required", why_only_reading())
        return view(*args, **kwargs)

    return judged
