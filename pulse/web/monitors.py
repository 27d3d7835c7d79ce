"""Monitors: the list, one with its checks, and what can be done with it."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, url_for
from flask_login import login_required
from sqlalchemy.orm import joinedload

from pulse import manual_check
from pulse.extensions import db, services
from pulse.htmx import go, render, wants_fragment
from pulse.models import history
from pulse.models.incident import Incident
from pulse.models.monitor import GONE, Monitor
from pulse.models.project import Project
from pulse.models.refusals import Refused
from pulse.web import elsewhere, refusal, visits
from pulse.web.filters import failure
from pulse.web.forms.monitors import EditForm, MonitorForm
from pulse.web.monitor_page import shown
from pulse.web.overtaken import hold_as_seen
from pulse.web.paging import part, place
from pulse.web.pictures import strip
from pulse.web.visits import actor, team
from pulse.web.writers import writers_form, writers_only

bp = Blueprint("monitors", __name__, url_prefix="/monitors")

PAGE, PANEL = "monitors/index.html", "monitors/_panel.html"
FORM = "monitors/form.html"
ACTIVE_SHOWN = 5


@bp.get("")
@login_required
def index() -> Response:
    """List the team's monitors."""
    return render(PAGE, PANEL, **listed())


@bp.get("/live")
@login_required
def live() -> Response:
    """Answer the part of the list that changes by itself, to a page that asks for it every few seconds."""
    if not wants_fragment():
        return go(url_for(".index"))
    return render(PAGE, "monitors/_live.html", **listed())


@bp.get("/new")
@writers_only
def new() -> Response:
    """Show the form for a new monitor."""
    if not has_room():
        return go(url_for(".index"))
    return form_page(MonitorForm(formdata=None))


@bp.post("/new")
@writers_form
def create() -> Response:
    """**Create Monitor**: the checker takes it up at once."""
    form = offered(MonitorForm())
    if not form.judge(team().plan, services().guard):
        return form_page(form, status=422)
    vault, guard = services().vault, services().guard
    try:
        monitor = Monitor.create(db.session, team(), form.fields(), vault=vault, guard=guard, by=actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, status=status))
    db.session.commit()
    flash(f"{monitor.name} was created. Its first check will run in a moment.")
    return go(url_for(".show", monitor_id=monitor.id))


@bp.get("/<id:monitor_id>")
@login_required
def show(monitor_id: int) -> Response:
    """Show a monitor and its checks."""
    return shown(find(monitor_id))


@bp.get("/<id:monitor_id>/edit")
@writers_only
def edit(monitor_id: int) -> Response:
    """Show the form for a change; what is write-only is not in it."""
    monitor = find(monitor_id)
    return form_page(EditForm.of(monitor), monitor)


@bp.post("/<id:monitor_id>/edit")
@writers_form
def save(monitor_id: int) -> Response:
    """**Save**."""
    monitor = find(monitor_id)
    form = offered(EditForm(monitor))
    if not form.judge(team().plan, services().guard):
        return form_page(form, monitor, 422)
    try:
        hold_as_seen(form, monitor, GONE, lambda: offered(EditForm.of(monitor)), key_share=True)
        monitor.change(db.session, form.fields(), vault=services().vault, guard=services().guard, by=actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, find(monitor_id), status))
    db.session.commit()
    flash(f"{monitor.name} was saved.")
    return go(url_for(".show", monitor_id=monitor_id))


@bp.post("/<id:monitor_id>/check")
@writers_only
def check(monitor_id: int) -> Response:
    """**Run Manual Check**, and show what came of it."""
    done = manual_check.run(find(monitor_id))
    error = f", {failure(done.error)}" if done.error else ""
    flash(f"Manual check: {done.status.capitalize()}{error}.", "message" if done.up else "error")
    return acted(monitor_id)


@bp.post("/<id:monitor_id>/pause")
@writers_only
def pause(monitor_id: int) -> Response:
    """**Pause Monitor**."""
    monitor = find(monitor_id)
    monitor.pause(db.session, actor())
    db.session.commit()
    flash(f"{monitor.name} is paused. Open incidents stay open.")
    return acted(monitor_id)


@bp.post("/<id:monitor_id>/resume")
@writers_only
def resume(monitor_id: int) -> Response:
    """**Resume Monitor**."""
    monitor = find(monitor_id)
    monitor.resume(db.session, actor())
    db.session.commit()
    flash(f"{monitor.name} is back on its schedule.")
    return acted(monitor_id)


@bp.get("/<id:monitor_id>/delete")
@writers_only
def confirm_delete(monitor_id: int) -> Response:
    """Ask before a monitor is deleted."""
    return shown(find(monitor_id), "monitors/_delete.html", dialog="monitors/_delete.html")


@bp.post("/<id:monitor_id>/delete")
@writers_only
def delete(monitor_id: int) -> Response:
    """**Delete Monitor**, with all its data."""
    monitor = find(monitor_id)
    name = monitor.name
    monitor.delete(db.session, actor())
    db.session.commit()
    visits.only_read()
    flash(f"{name} and all its data were deleted.")
    return render(PAGE, PANEL, **listed()) if wants_fragment() else go(url_for(".index"))


def find(monitor_id: int) -> Monitor:
    """Return the team's monitor, or answer that it is another team's or nobody's."""
    return elsewhere.found("monitor", lambda team_id: Monitor.find(db.session, team_id, monitor_id))


def has_room() -> bool:
    """Tell whether the plan has room for one more monitor."""
    return Monitor.count(db.session, team().id) < team().plan.limits.monitors


def listed() -> dict[str, Any]:
    """Return what the panel shows: always the committed state."""
    query = Monitor.of(team().id)
    at = partial(url_for, ".index")
    monitors, newer_url, older_url = part(query, Monitor.name_folded, Monitor.id, ascending=True, at=at)
    days = history.last_day(db.session, [each.id for each in monitors])
    unresolved = Incident.of(team().id).where(Incident.resolved_at.is_(None)).options(joinedload(Incident.monitor))
    active = db.session.scalars(unresolved.limit(ACTIVE_SHOWN + 1)).all()
    return {
        "monitors": monitors,
        "days": {each: (uptime, strip(hours)) for each, (uptime, hours) in days.items()},
        "active": active[:ACTIVE_SHOWN],
        "more_active": len(active) > ACTIVE_SHOWN,
        "newer_url": newer_url,
        "older_url": older_url,
        "live_url": url_for(".live", **place()),
        "at_limit": not has_room(),
    }


def acted(monitor_id: int) -> Response:
    """Answer an act: the redrawn panel to htmx, else the way back to the monitor."""
    visits.only_read()
    return shown(find(monitor_id)) if wants_fragment() else go(url_for(".show", monitor_id=monitor_id))


def offered(form: MonitorForm) -> MonitorForm:
    """Give a form what the team can choose from."""
    form.offer(team().plan, db.session.scalars(Project.of(team().id)).all())
    return form


def form_page(form: MonitorForm, monitor: Monitor | None = None, status: int = 200) -> Response:
    """Answer the page with the form."""
    return render(FORM, FORM, status, form=offered(form), monitor=monitor)
