"""The dashboard: how the team's monitors do at the moment, and what has gone wrong lately."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, url_for
from flask_login import login_required
from sqlalchemy.orm import joinedload

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import history
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor, State
from pulse.web.monitors import has_room
from pulse.web.pictures import strip
from pulse.web.visits import team

bp = Blueprint("dashboard", __name__, url_prefix="/dashboard")

PAGE, PANEL, LIVE = "dashboard/index.html", "dashboard/_panel.html", "dashboard/_live.html"
MOST_SHOWN = 10
"""Rows of each table; where there are more, the page says where they are."""
LATELY = timedelta(hours=24)


@bp.get("")
@login_required
def index() -> Response:
    """Show how things stand."""
    return render(PAGE, PANEL, **standing(), at_limit=not has_room())


@bp.get("/live")
@login_required
def live() -> Response:
    """Answer the part that changes by itself, to a page that asks for it every few seconds."""
    return render(PAGE, LIVE, **standing()) if wants_fragment() else go(url_for(".index"))


def standing() -> dict[str, Any]:
    """Return what the page shows: always the committed state."""
    mine = team().id
    incidents = Incident.of(mine).options(joinedload(Incident.alert_rule)).limit(MOST_SHOWN + 1)
    active = db.session.scalars(incidents.where(Incident.resolved_at.is_(None))).all()
    ended = db.session.scalars(incidents.where(Incident.resolved_at > utcnow() - LATELY)).all()
    down = db.session.scalars(Monitor.of(mine, state=State.DOWN).limit(MOST_SHOWN + 1)).all()
    days = history.last_day(db.session, [each.id for each in down[:MOST_SHOWN]])
    return {
        "counts": Monitor.counts(db.session, mine),
        "uptime": history.team_day(db.session, mine),
        "active": active[:MOST_SHOWN],
        "ended": ended[:MOST_SHOWN],
        "down": down[:MOST_SHOWN],
        "days": {each: (uptime, strip(hours)) for each, (uptime, hours) in days.items()},
        "more": {"active": len(active) > MOST_SHOWN, "ended": len(ended) > MOST_SHOWN, "down": len(down) > MOST_SHOWN},
    }
