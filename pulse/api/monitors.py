"""Monitors over the API: list, create, read, change, delete, pause, resume, and create-or-replace by the client's own name."""

from typing import Annotated, Any, Literal, cast

from flask import Blueprint
from pydantic import BaseModel, Field, ValidationInfo, field_validator
from sqlalchemy import RowMapping, select, tuple_

from pulse import names
from pulse.abilities import Ability
from pulse.api.auth import caller
from pulse.api.operations import Reply, operation
from pulse.api.pages import PageQuery, Place, bad_cursor, paged
from pulse.api.schemas import In, Moment, Out, Page, Sought, Switch, Text, WholeNumber
from pulse.extensions import db, services
from pulse.models.monitor import Monitor, State
from pulse.models.monitor_fields import MonitorFields, check_fields
from pulse.models.refusals import Faults
from pulse.models.team import Team
from pulse.problems import Problem

bp = Blueprint("api_monitors", __name__)
COLUMNS = Monitor.__table__.c


class AuthIn(In):
    """How a monitor proves itself to its target; never told again."""

    type: Literal["none", "basic", "bearer"]
    username: Text | None = None
    password: Text | None = None
    token: Text | None = None


class MonitorFieldsIn(In):
    """What may be written of a monitor besides its name and URL: null clears."""

    method: Text | None = None
    project_id: WholeNumber | None = None
    interval_seconds: WholeNumber | None = None
    timeout_seconds: WholeNumber | None = None
    expected_status: WholeNumber | None = None
    verify_tls: Switch | None = None
    external_id: Text | None = None
    headers: dict[str, Text] | None = None
    body: Text | None = None
    auth: AuthIn | None = None

    @field_validator("*")
    @classmethod
    def holds_its_rule(cls, value: Any, info: ValidationInfo) -> Any:
        """Hold each field to the model's rule here already, so that all faults are told at once."""
        given = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        fields = cast("MonitorFields", {info.field_name: given})
        _, faults = check_fields(fields, caller().plan, services().guard, method="POST")
        if faults:
            raise ValueError(str(faults[0]))
        return value

    def fields(self) -> MonitorFields:
        """Return what was given, and nothing else."""
        return cast("MonitorFields", self.model_dump(exclude_unset=True))


class MonitorChange(MonitorFieldsIn):
    """What is to be changed: absent keeps."""

    name: Text | None = None
    url: Text | None = None


class MonitorIn(MonitorFieldsIn):
    """A monitor to be made, or to be replaced."""

    name: Text
    url: Text


class CheckBrief(Out):
    """A check, as its monitor tells it."""

    id: int
    monitor_id: int
    type: str
    status: str
    http_status_code: int | None
    response_time_ms: int | None
    error: str | None
    checked_at: Moment


class MonitorOut(Out):
    """A monitor, without what it sends in secret."""

    id: int
    external_id: str | None
    name: str
    url: str
    method: str
    project_id: int
    interval_seconds: int
    timeout_seconds: int
    expected_status: int
    verify_tls: bool
    header_names: list[str]
    has_body: bool
    auth_type: str
    state: str
    created_at: Moment
    updated_at: Moment
    paused_at: Moment | None
    last_check: CheckBrief | None
    next_check_at: Moment | None


class MonitorQuery(PageQuery):
    """Which monitors to list."""

    state: State | None = None
    project_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    q: Annotated[Sought, Field(max_length=200)] | None = None


@operation(bp, "GET", "/monitors", ability=Ability.MONITORS_READ, query=MonitorQuery, reply=Page[MonitorOut])
def index(query: MonitorQuery) -> Reply:
    """List the team's monitors, by name."""
    found = Monitor.of(caller().team_id, state=query.state, project_id=query.project_id, q=query.q)
    listed = found.with_only_columns(*COLUMNS)
    return paged(listed, query, place_of=place_of, after=after, shape=told)


@operation(bp, "POST", "/monitors", ability=Ability.MONITORS_WRITE, body=MonitorIn, reply=MonitorOut, status=201)
def create(body: MonitorIn) -> Reply:
    """Make a monitor; it is checked at once."""
    monitor = made(body.fields())
    return Reply(monitor, headers={"Location": location(monitor)})


@operation(bp, "GET", "/monitors/<id:monitor_id>", ability=Ability.MONITORS_READ, reply=MonitorOut)
def show(monitor_id: int) -> dict[str, Any]:
    """Read a monitor."""
    query = select(*COLUMNS).where(COLUMNS.id == monitor_id, COLUMNS.team_id == caller().team_id)
    with services().reader.connection() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise Problem("not_found")
    return told(row)


@operation(bp, "PATCH", "/monitors/<id:monitor_id>", ability=Ability.MONITORS_WRITE, body=MonitorChange, reply=MonitorOut)
def change(monitor_id: int, body: MonitorChange) -> Monitor:
    """Change what is given, and keep the rest."""
    monitor = find(monitor_id)
    monitor.change(db.session, body.fields(), vault=services().vault, guard=services().guard, by=caller().actor())
    db.session.commit()
    return monitor


@operation(bp, "DELETE", "/monitors/<id:monitor_id>", ability=Ability.MONITORS_WRITE)
def delete(monitor_id: int) -> None:
    """Delete a monitor with all its checks and incidents."""
    find(monitor_id).delete(db.session, caller().actor())
    db.session.commit()


@operation(bp, "PUT", "/monitors/external/<external_id>", ability=Ability.MONITORS_WRITE, body=MonitorIn, reply=MonitorOut)
def put(external_id: str, body: MonitorIn) -> Reply:
    """Make or replace the monitor that the client knows by this name; what is absent is cleared."""
    fields: MonitorFields = {**body.fields(), "external_id": external_id}
    _, faults = check_fields({"external_id": external_id}, caller().plan, services().guard)
    if faults:
        raise Faults(faults)
    monitor = Monitor.find_external(db.session, caller().team_id, external_id)
    if monitor is None:
        monitor = made(fields)
        return Reply(monitor, 201, {"Location": location(monitor)})
    monitor.replace(db.session, fields, vault=services().vault, guard=services().guard, by=caller().actor())
    db.session.commit()
    return Reply(monitor)


@operation(bp, "POST", "/monitors/<id:monitor_id>/pause", ability=Ability.MONITORS_WRITE, reply=MonitorOut)
def pause(monitor_id: int) -> Monitor:
    """Stop a monitor's checks."""
    monitor = find(monitor_id)
    monitor.pause(db.session, caller().actor())
    db.session.commit()
    return monitor


@operation(bp, "POST", "/monitors/<id:monitor_id>/resume", ability=Ability.MONITORS_WRITE, reply=MonitorOut)
def resume(monitor_id: int) -> Monitor:
    """Return a monitor to its schedule."""
    monitor = find(monitor_id)
    monitor.resume(db.session, caller().actor())
    db.session.commit()
    return monitor


def find(monitor_id: int) -> Monitor:
    """Return the team's monitor, or answer 404: another team's is no other than one that does not exist."""
    monitor = Monitor.find(db.session, caller().team_id, monitor_id)
    if monitor is None:
        raise Problem("not_found")
    return monitor


def made(fields: MonitorFields) -> Monitor:
    """Make a monitor of the team, and commit."""
    team = db.session.get_one(Team, caller().team_id)
    vault, guard = services().vault, services().guard
    monitor = Monitor.create(db.session, team, fields, vault=vault, guard=guard, by=caller().actor())
    db.session.commit()
    return monitor


def location(monitor: Monitor) -> str:
    """Return a monitor's address."""
    return f"{services().settings.site}/api/v1/monitors/{monitor.id}"


def after(place: Place) -> Any:
    """Return the condition for what follows a place in the order of names."""
    if len(place) != 2 or not isinstance(place[0], str) or names.fold(place[0]) != place[0]:
        raise bad_cursor()
    return tuple_(COLUMNS.name_folded, COLUMNS.id) > tuple_(place[0], place[1])


def place_of(row: RowMapping) -> Place:
    """Return a row's place in the order of names."""
    return [row["name_folded"], row["id"]]


def told(row: RowMapping) -> dict[str, Any]:
    """Return what is told of a row."""
    return {**row, "has_body": row["body_sealed"] is not None, "state": state(row), "last_check": last_check(row)}


def state(row: RowMapping) -> str:
    """Return a row's state."""
    if row["paused_at"] is not None:
        return State.PAUSED
    return State.PENDING if row["last_up"] is None else (State.UP if row["last_up"] else State.DOWN)


def last_check(row: RowMapping) -> dict[str, Any] | None:
    """Return a row's newest check, which it holds beside itself."""
    if row["last_check_id"] is None or row["last_checked_at"] is None:
        return None
    return {
        "id": row["last_check_id"],
        "monitor_id": row["id"],
        "type": row["last_type"],
        "status": "up" if row["last_up"] else "down",
        "http_status_code": row["last_http_status_code"],
        "response_time_ms": row["last_response_time_ms"],
        "error": row["last_error"],
        "checked_at": row["last_checked_at"],
    }
