"""HTML for people: one file for each noun, and what all their pages share."""

from flask import Flask, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from pulse.errors import API
from pulse.extensions import csrf, login_manager, services
from pulse.htmx import go
from pulse.plans import Plan
from pulse.web import api_keys, filters, visits

BLUEPRINTS = (api_keys.bp,)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Put the pages, their hooks and their filters into the app."""
    filters.init_app(app)
    app.before_request(enter)
    app.after_request(leave)
    app.context_processor(shared_context)
    login_manager.unauthorized_handler(ask_to_sign_in)
    for bp in BLUEPRINTS:
        app.register_blueprint(bp)


def is_page(path: str) -> bool:
    """Tell whether a path belongs to the pages: neither the API's nor a static file's."""
    return not path.startswith((API, "/static/"))


def enter() -> None:
    """Refuse a form that no page of ours was sent for."""
    if not is_page(request.path) or request.method in SAFE or request.endpoint is None:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(400)
    csrf.protect()


def leave(response: Response) -> Response:
    """Keep pages out of every cache: the browser's back list must not show what has ended."""
    if is_page(request.path):
        visits.note_seen()
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def ask_to_sign_in() -> ResponseReturnValue:
    """Lead whoever is not signed in to Sign In, and back afterwards."""
    if request.method in SAFE and not request.headers.get("HX-Request"):
        return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")), 303)
    return go(url_for("auth.sign_in"))


def shared_context() -> dict[str, object]:
    """Return what every page may show."""
    signed_in = visits.is_signed_in() if is_page(request.path) else False
    return {
        "site": services().settings.site,
        "support_email": services().settings.support_email,
        "signed_in": signed_in,
        "team": visits.team() if signed_in else None,
        "role": visits.role() if signed_in else None,
        "Plan": Plan,
    }
