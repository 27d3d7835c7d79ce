"""What people are told of an incident, in mail and in chat, made of the same notice that a webhook gets."""

from typing import Any

from pulse.models.delivery import Notice

Told = dict[str, Any]


def subject(told: Told) -> str:
    """Return the subject of the mail."""
    match told["event"]:
        case Notice.CREATED:
            return _headline(told)
        case Notice.RESOLVED:
            return f"Resolved: {told['incident']['title']}"
        case _:
            return f"Test notification from {told['team']['name']}"


def text(told: Told, site: str) -> str:
    """Return the mail's text."""
    if told["incident"] is None:
        return f"This is a test notification. Incidents of the team {told['team']['name']} can be sent here.\n\n{site}/alerts\n"
    incident, monitor = told["incident"], told["monitor"]
    facts = [f"Monitor: {monitor['name']}, {monitor['url']}", f"Began: {_moment(incident['started_at'])}"]
    if incident["resolved_at"]:
        facts.append(f"Resolved: {_moment(incident['resolved_at'])}, after {_duration(incident['duration_seconds'])}")
    facts.append(f"Severity: {incident['severity']}")
    facts.append(f"Alert rule: {incident['alert_rule'] or 'deleted'}")
    if check := _check(told):
        facts.append(f"Last check: {check}")
    if incident["root_cause"]:
        facts.append(f"Root cause: {incident['root_cause']}")
    listed = "\n".join(facts)
    ends = "" if incident["resolved_at"] else "You will get another email when the incident is resolved.\n\n"
    return f"{subject(told)}\n\n{listed}\n\n{site}/incidents/{incident['id']}\n\n{ends}{_why(told)}\n"


def chat(told: Told, site: str) -> Told:
    """Return the body for an incoming webhook of Slack."""
    if told["incident"] is None:
        return {"text": f"{_escaped(subject(told))}: this channel works."}
    incident = told["incident"]
    link = f"<{site}/incidents/{incident['id']}|{_escaped(subject(told))}>"
    facts = [f"severity {incident['severity']}", *([check] if (check := _check(told)) else [])]
    if incident["resolved_at"]:
        facts = [f"after {_duration(incident['duration_seconds'])}"]
        if incident["root_cause"]:
            facts.append(f"root cause: {incident['root_cause']}")
    return {"text": f"{link}\n{_escaped(', '.join(facts))}"}


def _headline(told: Told) -> str:
    """Return what is wrong: the incident's own title, the priority before it where somebody should get up for it."""
    title = told["incident"]["title"]
    return f"Critical: {title}" if told["incident"]["severity"] == "critical" else title


def _check(told: Told) -> str:
    check = told["check"]
    if check is None:
        return ""
    parts = [check["status"]]
    if check["error"]:
        parts.append(check["error"].replace("_", " "))
    if check["http_status_code"]:
        parts.append(f"HTTP {check['http_status_code']}")
    if check["response_time_ms"] is not None:
        parts.append(f"{check['response_time_ms']} ms")
    return ", ".join(parts)


def _why(told: Told) -> str:
    return f"You are receiving this because a notification channel of the team {told['team']['name']} sends to this address."


def _moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:19]} UTC"


def _duration(seconds: int) -> str:
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _escaped(words: str) -> str:
    """Return words as Slack wants them: its three signs of markup are no text."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
