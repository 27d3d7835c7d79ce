"""HTML for people: one file for each noun, and what all their pages share."""

from flask import Flask, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin, current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from pulse.extensions import csrf, db, login_manager, services
from pulse.htmx import go, wants_fragment
from pulse.plans import Plan
from pulse.problems import MEANINGS, Problem
from pulse.tracing import trace
from pulse.web import (
    alert_rules,
    api_keys,
    auth,
    billing,
    channels,
    dashboard,
    filters,
    incidents,
    invitations,
    kept,
    key,
    links,
    monitors,
    organization,
    planned_outages,
    settings,
    support,
    visits,
)

BLUEPRINTS = (
    auth.bp,
    links.bp,
    invitations.bp,
    settings.bp,
    api_keys.bp,
    key.bp,
    billing.bp,
    dashboard.bp,
    monitors.bp,
    incidents.bp,
    alert_rules.bp,
    channels.bp,
    planned_outages.bp,
    organization.bp,
)
GATE = frozenset({auth.bp.name, links.bp.name, invitations.bp.name})
"""Pages for people who are not signed in."""
LARGEST_BODY = 1024 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Put the pages and their filters into the app."""
    filters.init_app(app)
    support.init_app(app)
    app.context_processor(shared_context)
    login_manager.unauthorized_handler(ask_to_sign_in)
    for bp in BLUEPRINTS:
        app.register_blueprint(bp)


def enter() -> ResponseReturnValue | None:
    """Hide what is hidden, and refuse a form that no page of ours was sent for."""
    services().bodies.take_in(request.environ, LARGEST_BODY)
    if (hidden := support.hide()) is not None:
        return hidden
    if request.method not in SAFE and request.endpoint is not None:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(400)
        return refuse_forgery()
    return None


def refuse_forgery() -> ResponseReturnValue | None:
    """Refuse a form without its proof; where that is because its session has ended, keep what was typed."""
    try:
        csrf.protect()
    except CSRFError as error:
        if request.blueprint not in GATE:
            if not visits.is_signed_in():
                return ask_to_sign_in()
            if kept.is_ours():
                return kept.page()
        raise Problem("malformed_request", "This page has expired. Reload it, then try again.") from error
    return None


def leave(response: Response) -> None:
    """Keep pages out of every cache: the browser's back list must not show what has ended."""
    visits.note_seen()
    response.headers.setdefault("Cache-Control", "no-store")


def ask_to_sign_in() -> ResponseReturnValue:
    """Lead whoever is not signed in to Sign In, and back afterwards: to the page, or to the one that an action was begun on.

    A form that was filled in stays where it is.
    """
    if request.method not in SAFE and kept.is_ours():
        return kept.page()
    if request.method in SAFE and not request.headers.get("HX-Request"):
        return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")), 303)
    return go(url_for("auth.sign_in", next=kept.page_of_sender()))


def shared_context() -> dict[str, object]:
    """Return what every page may show; one about an error of ours asks the database nothing, for that may have failed."""
    context: dict[str, object] = {"settings": services().settings, "Plan": Plan}
    if (code := trace().code) is None:
        return context | whoever_looks()
    return context | (nobody() if wants_fragment() or MEANINGS[code].status >= 500 else whoever_can_be_asked_for())


def whoever_looks() -> dict[str, object]:
    """Return who is signed in, and where."""
    if not visits.is_signed_in():
        return {"current_user": current_user, "team": None, "role": None}
    return {"current_user": current_user, "team": visits.team(), "teams": visits.teams(), "role": visits.role()}


def whoever_can_be_asked_for() -> dict[str, object]:
    """Return the same for a page that must not fail in its turn: where the database does not answer, nobody.

    It holds no form: a form's proof is new each second, and what is hidden is to look like what does not exist, byte for byte.
    """
    try:
        visits.only_read()
        return whoever_looks() | {"without_forms": True}
    except (SQLAlchemyError, HTTPException):
        db.session.rollback()
        return nobody()


def nobody() -> dict[str, object]:
    """Return what a page shows to whom it does not know."""
    return {"current_user": AnonymousUserMixin(), "team": None, "role": None}
