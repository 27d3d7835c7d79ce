"""A form that came too late, after its page's session had ended: nothing is done, and nothing that was typed is lost."""

from urllib.parse import urlsplit

from flask import Response, make_response, render_template, request

from pulse.htmx import wants_fragment
from pulse.web import visits

PROOF = "csrf_token"
WITHHELD = "password"
"""A part of the names of fields that are not given back: what they hold is quickly typed again."""


def is_ours() -> bool:
    """Tell whether the browser itself vouches that a page of ours sent this form, as a whole page."""
    return request.headers.get("Sec-Fetch-Site") == "same-origin" and bool(request.form) and not wants_fragment()


def page() -> Response:
    """Return the page that holds what was typed, to be sent again once somebody is signed in: with a proof of their own."""
    sent = [(name, value) for name, value in request.form.items(multi=True) if name != PROOF]
    entries = [(name, value) for name, value in sent if WITHHELD not in name]
    signed_in = visits.is_signed_in()
    body = render_template(
        "errors/kept.html",
        title="Send this again?" if signed_in else "You have been signed out",
        signed_in=signed_in,
        entries=entries,
        is_whole=not any(value for name, value in sent if WITHHELD in name),
        action=request.full_path.rstrip("?"),
    )
    return make_response(body, 400 if signed_in else 403)


def page_of_sender() -> str | None:
    """Return the path of the page that asked, as htmx or else the browser names it; `None` where it is not one of ours."""
    try:
        asked = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    except ValueError:
        return None
    if asked.netloc != request.host:
        return None
    return f"{asked.path}?{asked.query}" if asked.query else asked.path
