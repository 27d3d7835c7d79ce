"""What is told of an incident: at both ends, to the channels of its rule."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from pulse.clock import iso
from pulse.db import DbSession
from pulse.models.alert_rule import CHANNELS
from pulse.models.channel import Channel
from pulse.models.delivery import Delivery, Notice
from pulse.models.team import Team

if TYPE_CHECKING:
    from pulse.models.incident import Incident
    from pulse.models.monitor import Monitor


def tell(session: DbSession, incidents: Sequence["Incident"]) -> None:
    """Queue a notice of each incident's beginning, or its end, for every channel of its rule that is not silent."""
    bound = select(CHANNELS.c.alert_rule_id, Channel).join(Channel, Channel.id == CHANNELS.c.channel_id)
    bound = bound.where(CHANNELS.c.alert_rule_id.in_({each.alert_rule_id for each in incidents}), Channel.active)
    channels = session.execute(bound.order_by(Channel.id)).all()
    teams = {each.id: each for each in session.scalars(select(Team).where(Team.id.in_({each.team_id for each in incidents})))}
    for incident in incidents:
        team = teams[incident.team_id]
        told = notice(incident, team)
        for rule_id, channel in channels:
            if rule_id == incident.alert_rule_id and channel.is_included(team.plan):
                Delivery.queue(session, channel.id, told, incident.id)
    session.flush()


def notice(incident: "Incident", team: Team) -> dict[str, Any]:
    """Return what a webhook is told: the incident, its monitor, the newest check, the team."""
    event, at = Notice.CREATED, incident.started_at
    if incident.resolved_at is not None:
        event, at = Notice.RESOLVED, incident.resolved_at
    return {
        "event": event.value,
        "triggered_at": iso(at),
        "incident": _incident(incident),
        "monitor": _monitor(incident.monitor),
        "check": _check(incident.monitor),
        "team": {"id": team.id, "name": team.name},
    }


def _incident(incident: "Incident") -> dict[str, Any]:
    return {
        "id": incident.id,
        "title": incident.title,
        "status": str(incident.status),
        "severity": incident.severity,
        "monitor_id": incident.monitor_id,
        "alert_rule_id": incident.alert_rule_id,
        "alert_rule": incident.alert_rule.name if incident.alert_rule else None,
        "started_at": iso(incident.started_at),
        "acknowledged_at": iso(incident.acknowledged_at) if incident.acknowledged_at else None,
        "resolved_at": iso(incident.resolved_at) if incident.resolved_at else None,
        "duration_seconds": incident.duration_seconds,
        "root_cause": incident.root_cause,
    }


def _monitor(monitor: "Monitor") -> dict[str, Any]:
    return {"id": monitor.id, "name": monitor.name, "url": monitor.url, "state": str(monitor.state)}


def _check(monitor: "Monitor") -> dict[str, Any] | None:
    check = monitor.last_check
    if check is None:
        return None
    return {
        "id": check.id,
        "type": check.type,
        "status": check.status,
        "http_status_code": check.http_status_code,
        "response_time_ms": check.response_time_ms,
        "error": check.error,
        "checked_at": iso(check.checked_at),
    }
