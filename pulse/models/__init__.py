"""Rules: these change objects, never commit, and never see a request.

All of them are imported here, so that whoever imports one finds the tables of all.
"""

from pulse.models import api_key, event, mailed_link, outbox, session, team, throttle, user

__all__ = ["api_key", "event", "mailed_link", "outbox", "session", "team", "throttle", "user"]
