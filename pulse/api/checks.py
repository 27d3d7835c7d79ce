"""Checks over the API: a monitor's history and uptime, and a check at once."""

from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field
from sqlalchemy import select, true

from pulse import manual_check
from pulse.abilities import Ability
from pulse.api.auth import caller
from pulse.api.monitor_schemas import CheckBrief
from pulse.api.monitors import find
from pulse.api.operations import Reply, operation
from pulse.api.pages import PageQuery, Place, Query, bad_cursor, fetched, fetched_one, narrowed, page
from pulse.api.schemas import Instant, Out, Page
from pulse.api.tables import CSV
from pulse.models.check import Check, CheckType, Status, Uptime
from pulse.models.monitor import Monitor
from pulse.problems import Problem

bp = Blueprint("api_checks", __name__)
COLUMNS = (*Check.__table__.c, Check.status.label("status"))


class CheckOut(CheckBrief):
    """One request to a monitored address, and its result."""


class CheckQuery(PageQuery):
    """Which checks to list."""

    status: Status | None = None
    type: CheckType | None = None
    since: Instant | None = None
    until: Instant | None = None


class SpanOut(Out):
    """How many checks in a period were up."""

    up: int
    total: int
    percent: float | None


class UptimeOut(Out):
    """A monitor's uptime over three periods."""

    last_24h: Annotated[SpanOut, Field(alias="24h")]
    last_7d: Annotated[SpanOut, Field(alias="7d")]
    last_30d: Annotated[SpanOut, Field(alias="30d")]


@operation(
    bp,
    "GET",
    "/monitors/<id:monitor_id>/checks",
    ability=Ability.CHECKS_READ,
    query=CheckQuery,
    reply=Page[CheckOut],
    texts=(CSV,),
)
def index(monitor_id: int, query: CheckQuery) -> Reply:
    """List a monitor's checks, newest first."""
    found = Check.of(monitor_id, status=query.status, type=query.type, since=query.since, until=query.until)
    rows = fetched(beneath(monitor_id, narrowed(found.with_only_columns(*COLUMNS), query, after)))
    if not rows:
        raise Problem("not_found")
    checks = [row for row in rows if row["id"] is not None]
    return page(checks, query, place_of=lambda row: [row["checked_at"], row["id"]])


@operation(bp, "POST", "/monitors/<id:monitor_id>/checks", ability=Ability.CHECKS_RUN, reply=CheckOut, status=201)
def run(monitor_id: int) -> Check:
    """Check a monitor now and return the result."""
    return manual_check.run(find(monitor_id))


@operation(bp, "GET", "/monitors/<id:monitor_id>/uptime", ability=Ability.CHECKS_READ, reply=UptimeOut)
def uptime(monitor_id: int) -> dict[str, Uptime]:
    """Read a monitor's uptime over 24 hours, 7 days and 30 days."""
    counts: Any = fetched_one(Check.counted(monitor_id).where(Monitor.team_id == caller().team_id)).values()
    return Check.uptime_of(tuple(counts))


def beneath(monitor_id: int, query: Query) -> Query:
    """Return the query for what `query` finds of a monitor of the team.

    It has no row where there is no such monitor, and an empty one where there are no checks: both in one statement.
    """
    listed = query.subquery()
    hung = select(*listed.c).select_from(Monitor).outerjoin(listed, true())
    mine = hung.where(Monitor.id == monitor_id, Monitor.team_id == caller().team_id)
    return mine.order_by(listed.c.checked_at.desc(), listed.c.id.desc())


def after(place: Place) -> Any:
    """Return the condition for what follows a place in the order of time."""
    if len(place) != 2 or not isinstance(place[0], str):
        raise bad_cursor()
    try:
        moment = datetime.fromisoformat(place[0])
        if moment.tzinfo is None:
            raise bad_cursor()
        return Check.before(moment.astimezone(UTC), place[1])
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error
