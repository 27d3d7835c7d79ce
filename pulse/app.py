"""The web app: pages and the API, plugged together."""

from threading import BoundedSemaphore

from flask import Flask, Request, Response
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from sqlalchemy.engine import make_url

from pulse import api, assets, errors, headers, health, logs, metrics, proxies, routing, tracing, web
from pulse.addresses import AddressGuard
from pulse.api.limits import Limiter
from pulse.api.uses import UseWriter
from pulse.bodies import Bodies
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import connect, engine_options, prepare
from pulse.extensions import Services, csrf, db, login_manager
from pulse.lane import Lane
from pulse.models.session import LONGEST
from pulse.passwords import Passwords
from pulse.reading import Reader
from pulse.request_ids import RequestIds
from pulse.turnstile import Turnstile
from pulse.vault import Vault


def create_app(settings: Settings | None = None) -> Flask:
    """Return the web app: the only function that knows everyone."""
    settings = settings or Settings()
    app = Lane("pulse", template_folder="../templates", static_folder=None)
    logs.configure()
    configure(app, settings)
    app.extensions["pulse"] = services_of(settings)
    plug_in(app)
    for part in (routing, errors, assets, api, web):
        part.init_app(app)
    app.register_blueprint(health.bp)
    app.register_blueprint(metrics.bp)
    app.before_request(enter)
    app.after_request(leave)
    app.check()
    if is_sqlite(settings):
        app.wsgi_app = Turnstile(app.wsgi_app)
    app.wsgi_app = headers.WithHeaders(app.wsgi_app, settings)
    if settings.trusted_proxies:
        app.wsgi_app = proxies.behind(app.wsgi_app, settings.trusted_proxies)
    return app


def services_of(settings: Settings) -> Services:
    """Build what every part of this process shares."""
    secrets = (settings.secret, *settings.former_secrets)
    return Services(
        settings=settings,
        reader=Reader(settings.database, settings.threads),
        passwords=Passwords(settings.password_cost),
        vault=Vault(*secrets),
        guard=AddressGuard(settings.allowed_networks),
        request_ids=RequestIds(*secrets),
        bodies=Bodies(settings.threads),
        limiter=Limiter(settings),
        uses=UseWriter(connect(settings.database)),
        # At most half of the threads, so that pages stay quick.
        manual_checks=BoundedSemaphore(max(1, settings.threads // 2)),
    )


def enter() -> ResponseReturnValue | None:
    """Judge a request before its view: one hook with two lanes, so that programs pay for nothing that pages need."""
    traced = tracing.start()
    headers.refuse_foreign_host(traced)
    return api.enter(traced) if routing.is_api(traced.path) else web.enter()


def leave(response: Response) -> Response:
    """Complete a reply by its lane, and write the request's line."""
    traced, status, now = tracing.trace(), response.status_code, utcnow()
    if routing.is_api(traced.path):
        api.leave(traced, status, now)
    else:
        web.leave(response)
    tracing.finish(traced, status, now)
    return response


def configure(app: Flask, settings: Settings) -> None:
    """Set what Flask and its extensions read from the app's configuration."""
    over_https = settings.site.startswith("https://")
    app.config.update(  # pyright: ignore[reportUnknownMemberType] - a dict of anything
        SECRET_KEY=settings.secret,
        SECRET_KEY_FALLBACKS=list(settings.former_secrets),
        SESSION_COOKIE_NAME="__Host-pulse" if over_https else "pulse",
        SESSION_COOKIE_SECURE=over_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LONGEST,
        MAX_CONTENT_LENGTH=web.LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAX_FORM_PARTS=200,
        # The form's proof lives as long as the session it belongs to; `web.enter` asks for it.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(sqlite=is_sqlite(settings), threads=settings.threads),
    )


def is_sqlite(settings: Settings) -> bool:
    """Tell whether the settings name an SQLite database."""
    return make_url(settings.database).get_backend_name() == "sqlite"


def plug_in(app: Flask) -> None:
    """Connect the extensions, of which the API's requests use nothing."""
    app.session_interface = PageSessions()
    db.init_app(app)
    csrf.init_app(app)
    # Not `init_app`: that would add a remember-me hook to every reply.
    app.login_manager = login_manager  # pyright: ignore[reportAttributeAccessIssue]
    with app.app_context():
        prepare(db.engine)


class PageSessions(SecureCookieSessionInterface):
    """Sessions for pages alone: under the API cookies are neither read nor set."""

    none = NullSession()
    """Refuses to be written to, so that all may share it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie of a page's request; a request of the API has no session at all."""
        return self.none if routing.is_api(request.path) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SecureCookieSession, response: Response) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Set the cookie on a page's reply, if the session changed."""
        if session.modified:
            super().save_session(app, session, response)
