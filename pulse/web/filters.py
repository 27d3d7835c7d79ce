"""How values look to people: times in their zone, durations, counts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta
from flask import Flask
from flask_login import current_user

from pulse.clock import iso, utcnow

LOCALE = "en"


def init_app(app: Flask) -> None:
    """Give the filters to the templates."""
    for each in (relative, exact, day, clock, duration, number, failure, freshness, percent, phase):
        app.add_template_filter(each)
    app.add_template_filter(day, "date")
    app.add_template_filter(iso)


def zone() -> ZoneInfo:
    """Return the zone of whoever looks; UTC for whoever is not signed in."""
    return ZoneInfo(getattr(current_user, "timezone", None) or "UTC")


def relative(moment: datetime) -> str:
    """Return how long ago, or in how long: `3 minutes ago`."""
    delta = moment - utcnow()
    if abs(delta.total_seconds()) < 10:
        return "just now"
    # From a minute on in minutes; beyond an hour a little more exactly, so that 26 hours are not a day.
    threshold = 1 if abs(delta) < timedelta(hours=1) else 1.2
    return format_timedelta(delta, add_direction=True, threshold=threshold, locale=LOCALE)


def exact(moment: datetime) -> str:
    """Return the moment in the person's zone, to the second, with the zone's abbreviation."""
    local = moment.astimezone(zone())
    return f"{format_datetime(local, 'd MMM y, HH:mm:ss', locale=LOCALE)} {local.tzname()}"


def day(moment: datetime | date) -> str:
    """Return the day it falls on for the person."""
    local = moment.astimezone(zone()) if isinstance(moment, datetime) else moment
    return format_datetime(datetime(local.year, local.month, local.day, tzinfo=UTC), "d MMM y", locale=LOCALE)


def clock(moment: datetime) -> str:
    """Return the time of day for the person: `14:00`."""
    return format_datetime(moment.astimezone(zone()), "HH:mm", locale=LOCALE)


def freshness(moment: datetime | None) -> str:
    """Return how long ago something was, in one word for its looks: `today`, `month`, `older` or `never`."""
    if moment is None:
        return "never"
    age = utcnow() - moment
    return "today" if age < timedelta(days=1) else "month" if age < timedelta(days=30) else "older"


def duration(seconds: float) -> str:
    """Return a span as people say it: `3 min 20 s`."""
    whole = int(seconds)
    parts = ((whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or "0 s"


def failure(error: str) -> str:
    """Return a check's error as people read it: `TLS expired`, `unexpected status`."""
    known = {"dns": "DNS", "http": "HTTP", "tls": "TLS"}
    return " ".join(known.get(word, word) for word in error.split("_"))


def number(value: int) -> str:
    """Return a count with thousands apart."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Return a share; what is not whole is never shown as if it were."""
    shown = 99.99 if 99.99 < value < 100 else 0.01 if 0 < value < 0.01 else value
    return f"{shown:.2f}%"


def phase(microseconds: int) -> str:
    """Return how long a phase of a check took: `0.4 ms`, `37 ms`."""
    return f"{microseconds / 1000:.1f} ms" if microseconds < 9_950 else f"{microseconds / 1000:,.0f} ms"
