"""A monitor's page: its pictures over a span, and its history, narrowed."""

from functools import partial
from typing import Any

from flask import Response, request, url_for

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import render
from pulse.models import history
from pulse.models.check import Check
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.web import pictures
from pulse.web.filters import zone
from pulse.web.forms.history import HistoryForm
from pulse.web.paging import part
from pulse.web.visits import team

CHECKS_SHOWN = 25
SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}


def shown(monitor: Monitor, fragment: str = "monitors/_monitor.html", **context: Any) -> Response:
    """Answer a monitor's page, or a fragment of it."""
    form = HistoryForm(request.args)
    is_whole = form.validate()
    span = request.args.get("span", "")
    span = span if span in SPANS else "24h"
    unresolved = Incident.of(team().id, monitor_id=monitor.id).where(Incident.resolved_at.is_(None))
    return render(
        "monitors/show.html",
        fragment,
        200 if is_whole else 422,
        monitor=monitor,
        uptime=[(SPANS[each], uptime.percent) for each, uptime in Check.uptime(db.session, monitor.id).items()],
        incidents=db.session.scalars(unresolved).all(),
        is_due=monitor.next_check_at is not None and monitor.next_check_at <= utcnow(),
        may_resume=may_resume(monitor),
        **pictured(monitor, span),
        **listed(monitor, form, span),
        **context,
    )


def may_resume(monitor: Monitor) -> bool:
    """Tell whether the plan has room for this one to run, if it is paused."""
    return monitor.paused_at is None or Monitor.count(db.session, team().id, running=True) < team().plan.limits.monitors


def pictured(monitor: Monitor, span: str) -> dict[str, Any]:
    """Return the pictures of a span."""
    hours = history.by_hours(db.session, monitor.id, span)
    days = history.by_days(hours, span, zone())
    return {
        "span": span,
        "spans": SPANS,
        "chart": pictures.chart(history.chart(db.session, monitor.id, span, hours, monitor.interval_seconds)),
        "days": [(day, pictures.strip(day.hours)) for day in days],
        "hours": hours,
    }


def listed(monitor: Monitor, form: HistoryForm, span: str) -> dict[str, Any]:
    """Return a part of the history, and the addresses around it."""

    def address(**values: Any) -> str:
        return url_for("monitors.show", monitor_id=monitor.id, **values)

    query = Check.of(monitor.id, **form.chosen)
    kept: dict[str, Any] = {"span": span, **form.kept}
    at = partial(address, **kept)
    checks, newer_url, older_url = part(query, Check.checked_at, Check.id, most=CHECKS_SHOWN, at=at)
    return {
        "form": form,
        "checks": checks,
        "newer_url": newer_url,
        "older_url": older_url,
        "span_urls": {each: address(**{**kept, "span": each}) for each in SPANS},
        "unfiltered_url": address(span=span),
        "is_filtered": bool(form.kept),
    }
