"""An incident's course, moment by moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from pulse.db import DbSession
from pulse.models.api_key import ApiKey
from pulse.models.channel import Channel
from pulse.models.check import Check
from pulse.models.delivery import Delivery
from pulse.models.event import Event
from pulse.models.incident import Incident

CHECKS_SHOWN = 10
"""How many of the checks that led to it, and how many of those that ended it, are told."""


class Step(StrEnum):
    """What happened at a moment."""

    CHECK = "check"
    BEGAN = "began"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


NOTED = {"incident.acknowledged": Step.ACKNOWLEDGED, "incident.resolved": Step.RESOLVED}
"""Under which names the audit trail keeps the steps that people and programs take."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the course: a check, or a step with the id of whoever took it, None where nobody did."""

    at: datetime
    step: Step
    by: int | None = None
    check: Check | None = None
    channel: str | None = None
    """The name of the channel that was told."""


def timeline(session: DbSession, incident: Incident) -> list[Moment]:
    """Return the failed checks that led to it, what was done, and the good checks before its end, oldest first."""
    moments = [Moment(each.checked_at, Step.CHECK, check=each) for each in _row(session, incident, incident.started_at, up=False)]
    moments.append(Moment(incident.started_at, Step.BEGAN))
    if incident.acknowledged_at is not None:
        moments.append(Moment(incident.acknowledged_at, Step.ACKNOWLEDGED, incident.acknowledged_by))
    if incident.resolved_at is not None:
        if incident.resolved_itself:
            good = _row(session, incident, incident.resolved_at, up=True)
            moments += [Moment(each.checked_at, Step.CHECK, check=each) for each in good if each.checked_at > incident.started_at]
        moments.append(Moment(incident.resolved_at, Step.RESOLVED, incident.resolved_by))
    return sorted([*moments, *_told(session, incident)], key=lambda moment: moment.at)


def keys_used(session: DbSession, incident: Incident) -> dict[Step, str]:
    """Return the names of the API keys with which steps were taken; a step that was taken in the browser is not among them."""
    if incident.acknowledged_by is None and incident.resolved_by is None:
        return {}
    query = select(Event.action, ApiKey.name).join(ApiKey, ApiKey.id == Event.actor_key_id)
    query = query.where(Event.team_id == incident.team_id, Event.monitor_id == incident.monitor_id, Event.action.in_(NOTED))
    found = session.execute(query.where(Event.detail["incident"].as_integer() == incident.id).order_by(Event.id))
    return {NOTED[action]: name for action, name in found}


def _told(session: DbSession, incident: Incident) -> list[Moment]:
    """Return when which channel was told."""
    query = select(Delivery.delivered_at, Channel.name).join(Channel, Channel.id == Delivery.channel_id)
    delivered = query.where(Delivery.incident_id == incident.id, Delivery.delivered_at.is_not(None)).order_by(Delivery.id)
    return [Moment(at, Step.NOTIFIED, channel=name) for at, name in session.execute(delivered) if at is not None]


def _row(session: DbSession, incident: Incident, until: datetime, *, up: bool) -> list[Check]:
    """Return the unbroken row of such checks that ended at `until`, newest first."""
    query = Check.of(incident.monitor_id).where(Check.checked_at <= until).limit(CHECKS_SHOWN)
    row: list[Check] = []
    for check in session.scalars(query):
        if check.up is not up:
            break
        row.append(check)
    return row
