"""The headers every reply carries, and the host every request must name."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import abort

from pulse.config import Settings
from pulse.routing import is_api
from pulse.tracing import TRACE, Trace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make the CSRF check of every form fail over HTTPS.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
API = (("Cache-Control", "no-store"), ("Vary", "Authorization"))
"""Besides, on each reply of the API."""
HSTS = "max-age=63072000; includeSubDomains"
WATCHED = ("/healthz", "/readyz", "/metrics")
"""Asked by load balancers and by what watches the service: over plain HTTP, under any name."""


def refuse_foreign_host(traced: Trace) -> None:
    """Answer 400 to a request for another host than the service's own."""
    settings = traced.services.settings
    if settings.in_production and traced.path not in WATCHED and traced.asked.host.lower() != settings.site_host:
        abort(400)


class WithHeaders:
    """Puts the headers that protect whoever reads a reply on each one, below everything that could forget them."""

    def __init__(self, app: "WSGIApplication", settings: Settings) -> None:
        self._app = app
        self._page = list(ALWAYS.items())
        if settings.site.startswith("https://"):
            self._page.append(("Strict-Transport-Security", HSTS))
        self._api = [*self._page, *API]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        # Routing takes several leading slashes for one.
        added = self._api if is_api(f"/{environ['PATH_INFO'].lstrip('/')}") else self._page

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            traced: Trace | None = environ.get(TRACE)
            return start_response(status, headers + added + (traced.headers if traced else []), exc_info)

        return self._app(environ, start)
