"""The tab Planned Outages of the Alerts page: when nobody is to be told."""

from typing import Any

from flask import Blueprint, Response, flash, url_for
from flask_login import login_required
from sqlalchemy.orm import selectinload

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models.monitor import Monitor
from pulse.models.planned_outage import GONE, PlannedOutage
from pulse.models.refusals import Refused
from pulse.web import elsewhere, refusal, visits
from pulse.web.filters import zone
from pulse.web.forms.alerts import OutageForm
from pulse.web.overtaken import hold_as_seen
from pulse.web.visits import actor, team
from pulse.web.writers import writers_form, writers_only

bp = Blueprint("planned_outages", __name__, url_prefix="/alerts/outages")

PAGE, PANEL = "alerts/outages.html", "alerts/_outages.html"
FORM, DELETE = "alerts/outage_form.html", "alerts/_delete_outage.html"


@bp.get("")
@login_required
def index() -> Response:
    """List the team's planned outages."""
    return panel()


@bp.get("/new")
@writers_only
def new() -> Response:
    """Show the form for a new one."""
    return form_page(OutageForm(formdata=None))


@bp.post("/new")
@writers_form
def create() -> Response:
    """**Create Planned Outage**, in the person's timezone."""
    form = offered(OutageForm())
    if not form.judge(str(zone())):
        return form_page(form, status=422)
    try:
        outage = PlannedOutage.create(db.session, team(), form.fields(str(zone())), actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, status=status))
    db.session.commit()
    flash(f"{outage.title} was planned.")
    return go(url_for(".index"))


@bp.get("/<id:outage_id>/edit")
@writers_only
def edit(outage_id: int) -> Response:
    """Show the form for a change."""
    outage = find(outage_id)
    return form_page(OutageForm.of(outage), outage)


@bp.post("/<id:outage_id>/edit")
@writers_form
def save(outage_id: int) -> Response:
    """**Save**; it stays in the timezone it was planned in."""
    outage, form = find(outage_id), offered(OutageForm())
    if not form.judge(outage.timezone):
        return form_page(form, outage, 422)
    try:
        hold_as_seen(form, outage, GONE, lambda: offered(OutageForm.of(outage)))
        outage.change(db.session, form.fields(outage.timezone), actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, find(outage_id), status))
    db.session.commit()
    flash(f"{outage.title} was saved.")
    return go(url_for(".index"))


@bp.get("/<id:outage_id>/delete")
@writers_only
def confirm_delete(outage_id: int) -> Response:
    """Ask before one is deleted."""
    return render(PAGE, DELETE, dialog=DELETE, outage=find(outage_id), **({} if wants_fragment() else listed()))


@bp.post("/<id:outage_id>/delete")
@writers_only
def delete(outage_id: int) -> Response:
    """**Delete Planned Outage**."""
    outage = find(outage_id)
    title = outage.title
    outage.delete(db.session, actor())
    db.session.commit()
    visits.only_read()
    flash(f"{title} was deleted. Its monitors can open incidents again.")
    return panel() if wants_fragment() else go(url_for(".index"))


def find(outage_id: int) -> PlannedOutage:
    """Return the team's planned outage, or answer that it is another team's or nobody's."""
    return elsewhere.found("planned outage", lambda team_id: PlannedOutage.find(db.session, team_id, outage_id))


def panel() -> Response:
    """Answer the list."""
    return render(PAGE, PANEL, **listed())


def listed() -> dict[str, Any]:
    """Return what the panel shows: each planned outage and when it is next, or that it is on."""
    now = utcnow()
    outages = db.session.scalars(PlannedOutage.of([team().id]).options(selectinload(PlannedOutage.monitors))).all()
    return {"outages": outages, "coming": {each.id: each.next_after(now) for each in outages}, "now": now}


def offered(form: OutageForm) -> OutageForm:
    """Give a form the monitors to choose from."""
    form.offer_monitors(db.session.scalars(Monitor.of(team().id)).all())
    return form


def form_page(form: OutageForm, outage: PlannedOutage | None = None, status: int = 200) -> Response:
    """Answer the page with the form."""
    timezone = outage.timezone if outage else str(zone())
    return render(FORM, FORM, status, form=offered(form), outage=outage, timezone=timezone)
