"""Page or fragment: the one place that decides."""

from typing import Any

from flask import Response, make_response, render_template, request


def wants_fragment() -> bool:
    """Tell whether htmx asks for a piece of a page; when it restores history it wants the whole."""
    return request.headers.get("HX-Request-Type") == "partial"


def render(page: str, fragment: str, status: int = 200, **context: Any) -> Response:
    """Answer the template `fragment` to htmx and `page`, which includes it, to everyone else."""
    partial = wants_fragment()
    response = make_response(render_template(fragment if partial else page, partial=partial, **context), status)
    response.vary.update(("HX-Request", "HX-Request-Type"))
    return response


def go(url: str) -> Response:
    """Lead the whole page to `url`, a path of our own: a redirect, which htmx would follow silently, or its word for it."""
    if not wants_fragment():
        return Response(status=303, headers={"Location": url})
    return Response(status=200, headers={"HX-Redirect": url, "Vary": "HX-Request, HX-Request-Type"})
