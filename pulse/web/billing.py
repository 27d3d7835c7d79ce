"""Settings, tab Billing: the team's plan, what of it is used, and for its Owner the choice of another."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, flash, url_for
from flask_login import login_required
from sqlalchemy import func, select

from pulse.extensions import db, services
from pulse.htmx import go, render
from pulse.models import people
from pulse.models.api_key import ApiKey
from pulse.models.monitor import Monitor
from pulse.models.plan_change import PlanChange
from pulse.models.refusals import Conflict
from pulse.models.team import Membership
from pulse.plans import Plan
from pulse.problems import Problem
from pulse.web import visits
from pulse.web.forms.billing import ChoosePlanForm

bp = Blueprint("billing", __name__, url_prefix="/settings/billing")

PAGE, PANEL = "billing/index.html", "billing/_panel.html"
CHANGE = "billing/_change.html"


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
    return render(PAGE, PANEL, **shown())


@bp.get("/<plan_name>")
@login_required
def confirm_change(plan_name: str) -> Response:
    """Ask before the team is put on a smaller plan, and say what that would do."""
    plan, team = find(plan_name), visits.team()
    if not can_change() or not plan.is_smaller_than(team.plan):
        return go(url_for(".index"))
    return render(PAGE, CHANGE, dialog=CHANGE, change=PlanChange.of(db.session, team, plan), **shown())


@bp.post("/<plan_name>")
@login_required
def change(plan_name: str) -> Response:
    """Put the team on another plan, at once; only its Owner may, and only where plans are not left to staff."""
    if services().settings.billing != "self":
        raise Problem("role_required", "Only support can change plans here. Ask them.")
    plan, form = find(plan_name), ChoosePlanForm()
    people.must_own(db.session, visits.team(), visits.actor())
    try:
        team = visits.still_at(form.team_id.data)
        team.choose_plan(db.session, plan, visits.actor(), replacing=form.replacing.data)
    except Conflict as refused:
        db.session.rollback()
        flash(str(refused), "error")
        return go(url_for(".index"))
    db.session.commit()
    flash(f"{team.name} is now on the {plan.label} plan.")
    # The whole page anew: the sidebar tells the plan, too.
    return go(url_for(".index"))


def find(plan_name: str) -> Plan:
    """Return the plan that an address names, or answer 404."""
    return next((each for each in Plan if each.value == plan_name), None) or abort(404)


def can_change() -> bool:
    """Tell whether the person may choose a plan: the Owner, where plans are not left to staff."""
    return visits.membership().role.owns and services().settings.billing == "self"


def shown() -> dict[str, Any]:
    """Return what the tab shows: always the committed state."""
    return {"used": Used.by(visits.membership()), "can_change": can_change()}
