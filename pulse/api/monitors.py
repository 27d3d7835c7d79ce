"""Monitors over the API: list, create, read, change, delete, pause, resume, and create-or-replace by the client's own name."""

from typing import Any

from flask import Blueprint
from sqlalchemy import ColumnElement, String, case, literal_column, select, tuple_

from pulse.abilities import Ability
from pulse.api.auth import caller, team
from pulse.api.monitor_schemas import MonitorChange, MonitorIn, MonitorOut, MonitorQuery
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import Listing, Place, Query, Record, bad_cursor, fetched, fetched_one, narrowed, page
from pulse.api.schemas import JsonReady, Page
from pulse.extensions import db, services
from pulse.json_columns import json_column
from pulse.models.monitor import Monitor
from pulse.models.monitor_fields import MonitorFields, check_fields
from pulse.models.refusals import Faults, Invalid
from pulse.models.team import Team
from pulse.names import is_storable
from pulse.problems import found

bp = Blueprint("api_monitors", __name__)
OWN = Monitor.__table__.c
LAST_CHECK: dict[str, ColumnElement[Any]] = {
    "id": OWN.last_check_id,
    "monitor_id": OWN.id,
    "type": OWN.last_type,
    "status": case((Monitor.last_up.is_(True), literal_column("'up'", String)), else_=literal_column("'down'", String)),
    "http_status_code": OWN.last_http_status_code,
    "response_time_ms": OWN.last_response_time_ms,
    "error": OWN.last_error,
    "checked_at": OWN.last_checked_at,
}
"""A monitor's newest check, which it holds beside itself."""
COLUMNS = (
    *(json_column(column) for name, column in OWN.items() if name in MonitorOut.model_fields),
    Monitor.state.label("state"),
    OWN.body_sealed.is_not(None).label("has_body"),
    *(json_column(column).label(f"last_check.{name}") for name, column in LAST_CHECK.items()),
    OWN.name_folded,
)
"""What is told of a monitor, and its place in the order; what it sends in secret is not even read."""


def of(**filters: Any) -> Query:
    """Return the query for what is told of a team's monitors."""
    return Monitor.of(**filters).with_only_columns(*COLUMNS)


LISTING = Listing(of)


@operation(bp, "GET", "/monitors", ability=Ability.MONITORS_READ, query=MonitorQuery, reply=Page[MonitorOut])
def index(query: MonitorQuery) -> Reply:
    """List the team's monitors, by name."""
    filters = {"team_id": caller().team_id, "state": query.state, "project_id": query.project_id}
    # What is looked for is taken apart when its question is built.
    rows = LISTING.rows(query, after, **filters) if query.q is None else fetched(narrowed(of(**filters, q=query.q), query, after))
    return page(rows, query, place_of=place_of, kind=JsonReady)


@operation(
    bp,
    "POST",
    "/monitors",
    ability=Ability.MONITORS_WRITE,
    body=MonitorIn,
    reply=MonitorOut,
    status=201,
    problems=("limit_reached",),
    headers=("Location",),
)
def create(body: MonitorIn) -> Reply:
    """Create a monitor; its first check runs right away."""
    return made(team(), body.fields())


@operation(bp, "GET", "/monitors/<id:monitor_id>", ability=Ability.MONITORS_READ, reply=MonitorOut)
def show(monitor_id: int) -> dict[str, Any]:
    """Read a monitor."""
    return fetched_one(select(*COLUMNS).where(Monitor.id == monitor_id, Monitor.team_id == caller().team_id))


@operation(
    bp,
    "PATCH",
    "/monitors/<id:monitor_id>",
    ability=Ability.MONITORS_WRITE,
    body=MonitorChange,
    reply=MonitorOut,
)
def change(monitor_id: int, body: MonitorChange) -> MonitorOut:
    """Change a monitor; fields that are left out keep their values."""
    monitor = find(monitor_id)
    monitor.change(db.session, body.fields(), vault=services().vault, guard=services().guard, by=caller().actor())
    return MonitorOut.model_validate(monitor)


@operation(bp, "DELETE", "/monitors/<id:monitor_id>", ability=Ability.MONITORS_WRITE)
def delete(monitor_id: int) -> None:
    """Delete a monitor and all its checks and incidents."""
    find(monitor_id).delete(db.session, caller().actor())


@operation(
    bp,
    "PUT",
    "/monitors/external/<external_id>",
    ability=Ability.MONITORS_WRITE,
    body=MonitorIn,
    reply=MonitorOut,
    problems=("limit_reached",),
    also_status=(201,),
    headers=("Location",),
)
def put(external_id: str, body: MonitorIn) -> Reply:
    """Create or replace the monitor with this external id; fields that are left out are cleared."""
    fields = named(external_id, body.fields())
    # Held before the look, so that of two that come at once the second replaces what the first has made.
    mine = team()
    mine.hold(db.session)
    monitor = Monitor.find_external(db.session, mine.id, external_id)
    if monitor is None:
        return made(mine, fields)
    monitor.replace(db.session, fields, vault=services().vault, guard=services().guard, by=caller().actor())
    return Reply(MonitorOut.model_validate(monitor))


@operation(bp, "POST", "/monitors/<id:monitor_id>/pause", ability=Ability.MONITORS_WRITE, reply=MonitorOut)
def pause(monitor_id: int) -> MonitorOut:
    """Pause a monitor's checks."""
    monitor = find(monitor_id)
    monitor.pause(db.session, caller().actor())
    return MonitorOut.model_validate(monitor)


@operation(
    bp, "POST", "/monitors/<id:monitor_id>/resume", ability=Ability.MONITORS_WRITE, reply=MonitorOut, problems=("limit_reached",)
)
def resume(monitor_id: int) -> MonitorOut:
    """Resume a monitor's checks, on its schedule."""
    monitor = find(monitor_id)
    monitor.resume(db.session, caller().actor())
    return MonitorOut.model_validate(monitor)


def find(monitor_id: int) -> Monitor:
    """Return the team's monitor, or answer 404."""
    return found(Monitor.find(db.session, caller().team_id, monitor_id))


def made(owner: Team, fields: MonitorFields) -> Reply:
    """Make a monitor of a team."""
    vault, guard = services().vault, services().guard
    monitor = Monitor.create(db.session, owner, fields, vault=vault, guard=guard, by=caller().actor())
    return created(MonitorOut.model_validate(monitor), f"/monitors/{monitor.id}")


def named(external_id: str, fields: MonitorFields) -> MonitorFields:
    """Return fields with the external id of the path, beside which no other may be given."""
    _, faults = check_fields({"external_id": external_id}, caller().plan, services().guard)
    if fields.get("external_id", external_id) != external_id:
        faults.append(Invalid("external_id", "Leave this out, or repeat the id in the address."))
    if faults:
        raise Faults(faults)
    return {**fields, "external_id": external_id}


def after(place: Place) -> Any:
    """Return the condition for what follows a place in the order of names."""
    if len(place) != 2 or not isinstance(place[0], str) or not is_storable(place[0]):
        raise bad_cursor()
    return tuple_(Monitor.name_folded, Monitor.id) > tuple_(place[0], place[1])


def place_of(row: Record) -> Place:
    """Return a row's place in the order of names."""
    return [row["name_folded"], row["id"]]
