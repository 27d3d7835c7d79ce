"""A key's own page as it is drawn: by itself, after an act, and behind a dialog that began there."""

from typing import Any

from flask import Response, request, url_for

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import key_clients, key_report
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.key_report import Span
from pulse.models.key_use import KEPT
from pulse.problems import MEANINGS
from pulse.web.filters import zone

PAGE, PANEL = "api_keys/show.html", "api_keys/_key.html"


def page(key: ApiKey) -> Response:
    """Answer the page of a key."""
    return render(PAGE, PANEL, **shown(key))


def dialog(template: str, key: ApiKey, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on the key's page."""
    return render(PAGE, template, status, dialog=template, **shown(key) | context)


def done(key: ApiKey) -> Response:
    """Answer the page after an act: the panel redrawn, or the page anew."""
    return page(key) if wants_fragment() else go(url_for("key.show", key_id=key.id))


def shown(key: ApiKey) -> dict[str, Any]:
    """Return what the page shows: always the committed state."""
    asked = request.args.get("span")
    span = Span(asked) if asked in set(Span) else Span.DAY
    return {
        "key": key,
        "span": span,
        "spans": list(Span),
        "activity": key_report.activity(db.session, key, span, zone()),
        "clients": key_clients.clients(db.session, key),
        "tokens": {token.id: token for token in key.tokens},
        "knocking": key_clients.knocking(db.session, key),
        "move": key_clients.moves(db.session, [key]).get(key.id),
        "former_tokens": [token for token in reversed(key.tokens) if token.retired_at is not None],
        "history": Event.of_key(db.session, key.id),
        "meanings": MEANINGS,
        **learned(key),
    }


def learned(key: ApiKey) -> dict[str, Any]:
    """Return what its use has taught of a key: which permissions it used, which it can do without, and since when, in words."""
    used, first = key_report.uses_by_ability(db.session, key), key_report.first_used(db.session, key)
    reach = "in 30 days" if first is not None and first <= utcnow() - KEPT else "since its first use" if first else "yet"
    return {"used": used, "spare": key_report.spare(key, used, first), "reach": reach}
