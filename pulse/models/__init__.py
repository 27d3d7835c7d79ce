"""Rules: these change objects, never commit, and never see a request.

All of them are imported here, so that whoever imports one finds the tables of all.
"""

from pulse.models import (
    alert_rule,
    api_key,
    channel,
    check,
    delivery,
    event,
    hourly_sum,
    incident,
    invitation,
    key_use,
    mailed_link,
    monitor,
    outbox,
    planned_outage,
    project,
    remembered_reply,
    session,
    team,
    throttle,
    token,
    user,
)

__all__ = [
    "alert_rule",
    "api_key",
    "channel",
    "check",
    "delivery",
    "event",
    "hourly_sum",
    "incident",
    "invitation",
    "key_use",
    "mailed_link",
    "monitor",
    "outbox",
    "planned_outage",
    "project",
    "remembered_reply",
    "session",
    "team",
    "throttle",
    "token",
    "user",
]
