"""Behind proxies: a client is known by what the nearest trusted one says of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from pulse.addresses import UNKNOWN, client_address
from pulse.logs import log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class PlainAddress:
    """Makes an address of a proxy's name for a client, so that all who count or show it have the same one.

    A proxy that names no address has its clients taken for `unknown`, and the log says so once: it was set up wrongly.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._has_told = False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        address = environ["REMOTE_ADDR"] = client_address(environ.get("REMOTE_ADDR") or "")
        if address == UNKNOWN and not self._has_told:
            self._has_told = True
            log.error("client_address_unknown", mend="Have the proxy send addresses in X-Forwarded-For.")
        return self._app(environ, start_response)


def behind(app: "WSGIApplication", hops: int) -> ProxyFix:
    """Return an app that takes the word of so many proxies for who asks, how, and for which host."""
    return ProxyFix(PlainAddress(app), x_for=hops, x_proto=hops, x_host=hops)
