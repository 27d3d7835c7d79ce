"""Incidents: the list, and one with what can be done about it."""

from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_login import login_required
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models.incident import Incident, IncidentStatus
from pulse.models.refusals import Conflict
from pulse.models.timeline import keys_used, timeline
from pulse.models.user import User
from pulse.web import elsewhere, visits
from pulse.web.forms.incidents import ResolveForm
from pulse.web.paging import part
from pulse.web.visits import actor, team
from pulse.web.writers import writers_form, writers_only

bp = Blueprint("incidents", __name__, url_prefix="/incidents")

DIALOG = "incidents/_resolve.html"


@bp.get("")
@login_required
def index() -> Response:
    """List the team's incidents, or those of one status."""
    status = request.args.get("status", "")
    status = status if status in set(IncidentStatus) else None
    query = Incident.of(team().id, status=status).options(joinedload(Incident.alert_rule))
    incidents, newer_url, older_url = part(query, Incident.id, at=partial(url_for, ".index", status=status))
    return render(
        "incidents/index.html",
        "incidents/_panel.html",
        incidents=incidents,
        chosen=status,
        statuses=list(IncidentStatus),
        newer_url=newer_url,
        older_url=older_url,
    )


@bp.get("/<id:incident_id>")
@login_required
def show(incident_id: int) -> Response:
    """Show an incident and its course."""
    return shown(find(incident_id))


@bp.post("/<id:incident_id>/acknowledge")
@writers_only
def acknowledge(incident_id: int) -> Response:
    """**Acknowledge**."""
    incident = find(incident_id)
    incident.acknowledge(db.session, actor())
    db.session.commit()
    flash(f"{incident.title}: acknowledged.")
    return acted(incident_id)


@bp.get("/<id:incident_id>/resolve")
@writers_only
def confirm_resolve(incident_id: int) -> Response:
    """Ask for the root cause."""
    return dialog(find(incident_id), ResolveForm(formdata=None))


@bp.post("/<id:incident_id>/resolve")
@writers_form
def resolve(incident_id: int) -> Response:
    """**Confirm Resolution**."""
    incident, form = find(incident_id), ResolveForm()
    if not form.validate():
        return dialog(incident, form, 422)
    try:
        incident.resolve(db.session, actor(), form.root_cause.data)
    except Conflict as refused:
        db.session.rollback()
        form.tell(refused)
        return dialog(find(incident_id), form, 409)
    db.session.commit()
    flash(f"{incident.title}: resolved.")
    return acted(incident_id)


def find(incident_id: int) -> Incident:
    """Return the team's incident, or answer that it is another team's or nobody's."""
    return elsewhere.found("incident", lambda team_id: Incident.find(db.session, team_id, incident_id))


def acted(incident_id: int) -> Response:
    """Answer an act: the redrawn panel to htmx, else the way back to the incident."""
    visits.only_read()
    return shown(find(incident_id)) if wants_fragment() else go(url_for(".show", incident_id=incident_id))


def dialog(incident: Incident, form: ResolveForm, status: int = 200) -> Response:
    """Answer the dialog: by itself to htmx, else open on the incident's page."""
    return shown(incident, DIALOG, status, dialog=DIALOG, form=form)


def shown(incident: Incident, fragment: str = "incidents/_incident.html", status: int = 200, **context: Any) -> Response:
    """Answer an incident's page, or a fragment of it."""
    people = names_of(incident.acknowledged_by, incident.resolved_by)
    return render(
        "incidents/show.html",
        fragment,
        status,
        incident=incident,
        acknowledged_by=people.get(incident.acknowledged_by or 0),
        resolved_by=people.get(incident.resolved_by or 0),
        moments=timeline(db.session, incident),
        people=people,
        keys=keys_used(db.session, incident),
        **context,
    )


def names_of(*user_ids: int | None) -> dict[int, str]:
    """Return people's names by their ids; whose account is gone is not among them."""
    known = db.session.scalars(select(User).where(User.id.in_([each for each in user_ids if each is not None])))
    return {each.id: each.name for each in known}
