"""Incidents over the API: list, read, acknowledge, resolve."""

from typing import Annotated, Any

from flask import Blueprint
from sqlalchemy import select

from pulse.abilities import Ability
from pulse.api.auth import caller
from pulse.api.operations import Reply, operation
from pulse.api.pages import Listing, PageQuery, Query, Record, by_id, fetched_one, page
from pulse.api.schemas import In, Instant, Moment, Out, Page, SoughtId, Text, documented, one_of
from pulse.api.tables import CSV
from pulse.extensions import db
from pulse.models.alert_rule import Severity
from pulse.models.incident import LONGEST_ROOT_CAUSE, Incident, IncidentStatus, lasted
from pulse.problems import found

bp = Blueprint("api_incidents", __name__)
COLUMNS = (*Incident.__table__.c, Incident.status.label("status"))


def of(**filters: Any) -> Query:
    """Return the query for what is told of a team's incidents."""
    return Incident.of(**filters).with_only_columns(*COLUMNS)


LISTING = Listing(of)


class IncidentQuery(PageQuery):
    """Which incidents to list."""

    status: IncidentStatus | None = None
    severity: Severity | None = None
    monitor_id: SoughtId | None = None
    since: Instant | None = None
    until: Instant | None = None


class ResolveIn(In):
    """What caused an incident, if known."""

    root_cause: Annotated[Text | None, documented(maxLength=LONGEST_ROOT_CAUSE)] = None


class IncidentOut(Out):
    """A problem with a monitor, from when an alert rule found it until it is resolved."""

    id: int
    title: str
    status: Annotated[str, one_of(IncidentStatus)]
    severity: Annotated[str, one_of(Severity)]
    monitor_id: int
    alert_rule_id: int | None
    started_at: Moment
    acknowledged_at: Moment | None
    resolved_at: Moment | None
    duration_seconds: int
    root_cause: str | None


@operation(bp, "GET", "/incidents", ability=Ability.INCIDENTS_READ, query=IncidentQuery, reply=Page[IncidentOut], texts=(CSV,))
def index(query: IncidentQuery) -> Reply:
    """List the team's incidents, newest first."""
    filters = query.model_dump(exclude={"limit", "cursor"})
    rows = LISTING.rows(query, by_id(Incident.id), team_id=caller().team_id, **filters)
    return page(rows, query, shape=told)


@operation(bp, "GET", "/incidents/<id:incident_id>", ability=Ability.INCIDENTS_READ, reply=IncidentOut)
def show(incident_id: int) -> dict[str, Any]:
    """Read an incident."""
    return told(fetched_one(select(*COLUMNS).where(Incident.id == incident_id, Incident.team_id == caller().team_id)))


@operation(
    bp,
    "POST",
    "/incidents/<id:incident_id>/acknowledge",
    ability=Ability.INCIDENTS_WRITE,
    reply=IncidentOut,
)
def acknowledge(incident_id: int) -> IncidentOut:
    """Acknowledge an incident; nobody is notified."""
    incident = find(incident_id)
    incident.acknowledge(db.session, caller().actor())
    return IncidentOut.model_validate(incident)


@operation(
    bp,
    "POST",
    "/incidents/<id:incident_id>/resolve",
    ability=Ability.INCIDENTS_WRITE,
    body=ResolveIn,
    optional=True,
    reply=IncidentOut,
)
def resolve(incident_id: int, body: ResolveIn) -> IncidentOut:
    """Resolve an incident by hand."""
    incident = find(incident_id)
    incident.resolve(db.session, caller().actor(), body.root_cause)
    return IncidentOut.model_validate(incident)


def find(incident_id: int) -> Incident:
    """Return the team's incident, or answer 404."""
    return found(Incident.find(db.session, caller().team_id, incident_id))


def told(row: Record) -> dict[str, Any]:
    """Return what is told of a row."""
    return {**row, "duration_seconds": lasted(row["started_at"], row["resolved_at"])}
