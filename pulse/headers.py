"""The headers every reply carries, and the host every request must name."""

from flask import Flask, Response, abort, request

from pulse.extensions import services

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
HSTS = "max-age=63072000; includeSubDomains"
HEALTH = ("/healthz", "/readyz")
"""Asked by load balancers: over plain HTTP, under any name."""


def init_app(app: Flask) -> None:
    """Check every request's host, and dress every reply."""
    app.before_request(refuse_foreign_host)
    app.after_request(dress)


def refuse_foreign_host() -> None:
    """Answer 400 to a request for another host than the service's own."""
    settings = services().settings
    if settings.in_production and request.path not in HEALTH and request.host.lower() != settings.site_host:
        abort(400)


def dress(response: Response) -> Response:
    """Add the headers that protect whoever reads the reply."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if services().settings.site.startswith("https://"):
        response.headers["Strict-Transport-Security"] = HSTS
    return response
