"""Settings, tab Billing: the team's plan, what of it is used, and for its Owner the choice of another."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, url_for
from flask_login import login_required
from sqlalchemy import func, select

from pulse.extensions import db, services
from pulse.htmx import go, render
from pulse.models import people
from pulse.models.api_key import ApiKey
from pulse.models.monitor import Monitor
from pulse.models.team import Membership
from pulse.plans import Plan
from pulse.problems import Problem
from pulse.web import visits
from pulse.web.forms.billing import ChoosePlanForm

bp = Blueprint("billing", __name__, url_prefix="/settings/billing")

PAGE, PANEL = "billing/index.html", "billing/_panel.html"


@dataclass(frozen=True, slots=True)
class Used:
    """How much of what a plan includes is used; keys are those of one person."""

    monitors: int
    members: int
    api_keys: int

    @classmethod
    def by(cls, place: Membership) -> "Used":
        """Count it for somebody's place in a team."""
        members = select(func.count()).where(Membership.team_id == place.team_id)
        return cls(
            monitors=Monitor.count(db.session, place.team_id),
            members=db.session.scalar(members) or 0,
            api_keys=ApiKey.count(db.session, place.user_id, place.team_id),
        )


@bp.get("")
@login_required
def index() -> Response:
    """Show the tab."""
    place = visits.membership()
    can_change = place.role.owns and services().settings.billing == "self"
    return render(PAGE, PANEL, used=Used.by(place), can_change=can_change)


@bp.post("")
@login_required
def change() -> Response:
    """Put the team on another plan, at once; only its Owner may, and only where plans are not left to staff."""
    if services().settings.billing != "self":
        raise Problem("role_required", "Only support can change plans here. Ask them.")
    form, team = ChoosePlanForm(), visits.team()
    people.must_own(db.session, team, visits.actor())
    if not form.validate():
        abort(400)
    plan = Plan(form.plan.data)
    if plan is not team.plan:
        team.change_plan(db.session, plan, visits.actor())
    db.session.commit()
    flash(f"{team.name} is now on the {plan.label} plan.")
    return go(url_for(".index"))
