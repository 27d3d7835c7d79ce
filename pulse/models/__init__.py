"""Rules: these change objects, never commit, and never see a request.

All of them are imported here, so that whoever imports one finds the tables of all.
"""

from pulse.models import (
    alert_rule,
    api_key,
    check,
    event,
    hourly_sum,
    incident,
    invitation,
    key_use,
    mailed_link,
    monitor,
    outbox,
    project,
    remembered_reply,
    session,
    team,
    throttle,
    user,
)

__all__ = [
    "alert_rule",
    "api_key",
    "check",
    "event",
    "hourly_sum",
    "incident",
    "invitation",
    "key_use",
    "mailed_link",
    "monitor",
    "outbox",
    "project",
    "remembered_reply",
    "session",
    "team",
    "throttle",
    "user",
]
