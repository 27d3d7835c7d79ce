"""Incidents over the API: list, read, acknowledge, resolve."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import AwareDatetime, Field
from sqlalchemy import RowMapping, select

from pulse.abilities import Ability
from pulse.api.auth import caller
from pulse.api.operations import Reply, operation
from pulse.api.pages import PageQuery, by_id, paged
from pulse.api.schemas import In, Moment, Out, Page, Text
from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.alert_rule import Severity
from pulse.models.incident import Incident, IncidentStatus
from pulse.problems import Problem

bp = Blueprint("api_incidents", __name__)
COLUMNS = Incident.__table__.c


class IncidentQuery(PageQuery):
    """Which incidents to list."""

    status: IncidentStatus | None = None
    severity: Severity | None = None
    monitor_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class ResolveIn(In):
    """What ended an incident."""

    root_cause: Text | None = None


class IncidentOut(Out):
    """A stretch of trouble."""

    id: int
    title: str
    status: str
    severity: str
    monitor_id: int
    alert_rule_id: int | None
    started_at: Moment
    acknowledged_at: Moment | None
    resolved_at: Moment | None
    duration_seconds: int
    root_cause: str | None


@operation(bp, "GET", "/incidents", ability=Ability.INCIDENTS_READ, query=IncidentQuery, reply=Page[IncidentOut])
def index(query: IncidentQuery) -> Reply:
    """List the team's incidents, newest first."""
    found = Incident.of(
        caller().team_id,
        status=query.status,
        severity=query.severity,
        monitor_id=query.monitor_id,
        since=query.since,
        until=query.until,
    )
    return paged(found.with_only_columns(*COLUMNS), query, place_of=lambda row: [row["id"]], after=by_id(COLUMNS.id), shape=told)


@operation(bp, "GET", "/incidents/<id:incident_id>", ability=Ability.INCIDENTS_READ, reply=IncidentOut)
def show(incident_id: int) -> dict[str, Any]:
    """Read an incident."""
    query = select(*COLUMNS).where(COLUMNS.id == incident_id, COLUMNS.team_id == caller().team_id)
    with services().reader.connection() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise Problem("not_found")
    return told(row)


@operation(bp, "POST", "/incidents/<id:incident_id>/acknowledge", ability=Ability.INCIDENTS_WRITE, reply=IncidentOut)
def acknowledge(incident_id: int) -> Incident:
    """Say that somebody sees to an incident; nobody is notified."""
    incident = find(incident_id)
    incident.acknowledge(db.session, caller().actor())
    db.session.commit()
    return incident


@operation(
    bp,
    "POST",
    "/incidents/<id:incident_id>/resolve",
    ability=Ability.INCIDENTS_WRITE,
    body=ResolveIn,
    optional=True,
    reply=IncidentOut,
)
def resolve(incident_id: int, body: ResolveIn) -> Incident:
    """End an incident by hand."""
    incident = find(incident_id)
    incident.resolve(db.session, caller().actor(), body.root_cause)
    db.session.commit()
    return incident


def find(incident_id: int) -> Incident:
    """Return the team's incident, or answer 404."""
    incident = Incident.find(db.session, caller().team_id, incident_id)
    if incident is None:
        raise Problem("not_found")
    return incident


def told(row: RowMapping) -> dict[str, Any]:
    """Return what is told of a row."""
    if row["resolved_at"] is not None:
        status = IncidentStatus.RESOLVED
    else:
        status = IncidentStatus.OPEN if row["acknowledged_at"] is None else IncidentStatus.ACKNOWLEDGED
    lasted = (row["resolved_at"] or utcnow()) - row["started_at"]
    return {**row, "status": status, "duration_seconds": max(0, int(lasted.total_seconds()))}
