"""The only place that asks what time it is."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the current time in UTC, aware, cut to milliseconds: what is stored is what is shown."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """Return a time as programs are told it: ISO 8601 in UTC with `Z` and milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
