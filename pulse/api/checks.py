"""Checks over the API: a monitor's history and uptime, and a check at once."""

from datetime import datetime
from typing import Annotated, Any

from flask import Blueprint
from pydantic import AwareDatetime, Field
from sqlalchemy import RowMapping

from pulse import manual_check
from pulse.abilities import Ability
from pulse.api.monitors import CheckBrief, find
from pulse.api.operations import Reply, operation
from pulse.api.pages import PageQuery, Place, bad_cursor, paged
from pulse.api.schemas import Out, Page
from pulse.extensions import db
from pulse.models.check import Check, CheckType, Status, Uptime

bp = Blueprint("api_checks", __name__)
COLUMNS = Check.__table__.c


class CheckOut(CheckBrief):
    """One request to a monitored address, and its result."""


class CheckQuery(PageQuery):
    """Which checks to list."""

    status: Status | None = None
    type: CheckType | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class SpanOut(Out):
    """How many checks of a span were up."""

    up: int
    total: int
    percent: float | None


class UptimeOut(Out):
    """A monitor's uptime over three spans."""

    last_24h: Annotated[SpanOut, Field(alias="24h")]
    last_7d: Annotated[SpanOut, Field(alias="7d")]
    last_30d: Annotated[SpanOut, Field(alias="30d")]


@operation(bp, "GET", "/monitors/<id:monitor_id>/checks", ability=Ability.CHECKS_READ, query=CheckQuery, reply=Page[CheckOut])
def index(monitor_id: int, query: CheckQuery) -> Reply:
    """List a monitor's checks, newest first."""
    find(monitor_id)
    found = Check.of(monitor_id, status=query.status, type=query.type, since=query.since, until=query.until)
    return paged(
        found.with_only_columns(*COLUMNS), query, place_of=lambda row: [row["checked_at"], row["id"]], after=after, shape=told
    )


@operation(bp, "POST", "/monitors/<id:monitor_id>/checks", ability=Ability.CHECKS_RUN, reply=CheckOut, status=201)
def run(monitor_id: int) -> Check:
    """Check a monitor at once, and answer what came of it."""
    return manual_check.run(find(monitor_id))


@operation(bp, "GET", "/monitors/<id:monitor_id>/uptime", ability=Ability.CHECKS_READ, reply=UptimeOut)
def uptime(monitor_id: int) -> dict[str, Uptime]:
    """Tell how many of a monitor's checks were up."""
    find(monitor_id)
    return Check.uptime(db.session, monitor_id)


def after(place: Place) -> Any:
    """Return the condition for what follows a place in the order of time."""
    if len(place) != 2 or not isinstance(place[0], str):
        raise bad_cursor()
    try:
        moment = datetime.fromisoformat(place[0])
    except ValueError as error:
        raise bad_cursor() from error
    if moment.tzinfo is None:
        raise bad_cursor()
    return Check.before(moment, place[1])


def told(row: RowMapping) -> dict[str, Any]:
    """Return what is told of a row."""
    return {**row, "status": "up" if row["up"] else "down"}
