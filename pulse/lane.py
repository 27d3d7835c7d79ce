"""Flask with a short way from a request to its reply: the same hooks, views and error handlers, and nothing beside them.

The framework's own way costs twice as much, for what no part of Pulse uses: routes by host, hooks of blueprints, signals,
values that are turned into replies, bodies in pieces. Each method here is one that may be overridden, and does what the
one it overrides does for an app that `Lane.check` lets pass.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers
from werkzeug.routing import Map, MapAdapter, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

context = cast("Callable[[], RequestContext]", cast("Any", request_ctx)._get_current_object)  # noqa: SLF001 - as documented
"""Returns the context of the request in hand: behind the framework's stand-in each look costs ten times as much."""
AS_ASKED = {"return_rule": True}
"""How the framework asks for the route of a request."""
STATUSES = {status.value: f"{status.value} {status.phrase.upper()}" for status in HTTPStatus}


class LaneRequest(Request):
    """A request; closing one that never had files is nothing to do."""

    def close(self) -> None:
        """Close the files that were sent along."""
        if "files" in self.__dict__:
            super().close()


class WholeResponse(Response):
    """A reply whose body is there already, in one piece: it goes to the server as it is."""

    def __init__(self, body: bytes, status: int, content_type: str) -> None:
        self.headers = Headers()
        self.headers.add("Content-Type", content_type)
        self.headers.add("Content-Length", str(len(body)))
        self._status, self._status_code = STATUSES[status], status
        self.response = [body]
        self.direct_passthrough = False
        self._on_close = []

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        start_response(self._status, self.headers.to_wsgi_list())
        body: Any = self.response
        return () if environ["REQUEST_METHOD"] == "HEAD" else body


class Routes(Map):
    """The routes, and which of them a path without values led to: it is looked for once."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.known: dict[tuple[str, str], Rule] = {}
        """By path and method; no more than there are routes, for a path is kept only as it is spelled in one."""


class BoundRoutes(MapAdapter):
    """The routes, bound to a request."""

    map: Routes

    def match(self, *args: Any, **named: Any) -> Any:
        """Return the route that the request, or what is given, leads to, and the values in its path."""
        if args or named != AS_ASKED:
            return super().match(*args, **named)
        asked = self.path_info, self.default_method
        if (rule := self.map.known.get(asked)) is not None:
            return rule, {}
        rule, values = super().match(return_rule=True)
        if rule.rule == self.path_info and not values:
            self.map.known[asked] = rule
        return rule, values


class Lane(Flask):
    """An app without hooks of blueprints, without routes by host, and without anybody who listens to signals."""

    request_class = LaneRequest
    url_map_class = Routes

    def check(self) -> None:
        """Refuse an app with what is left out here; to be called once all is registered."""
        hooks = (self.before_request_funcs, self.after_request_funcs)
        if any(name is not None and each[name] for each in hooks for name in each):
            raise RuntimeError("a blueprint has hooks of its own, of which Lane knows nothing")
        if any(self.url_value_preprocessors.values()) or any(self.teardown_request_funcs.values()):
            raise RuntimeError("hooks wait for values of paths, or for the end of requests, of which Lane knows nothing")
        if self.url_map.host_matching or self.subdomain_matching or self.config["SERVER_NAME"]:
            raise RuntimeError("routes go by host, of which Lane knows nothing")

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: none is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the routes to a request, by its path alone: whatever host it names, none is ever told back."""
        if request is None:
            return None
        return BoundRoutes(self.url_map, "", request.root_path, "", request.scheme, request.path, request.method)

    def full_dispatch_request(self) -> Response:
        """Answer the request, or its failure."""
        try:
            answer = self.preprocess_request()
            if answer is None:
                answer = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - the handlers decide, and raise again what is nobody's
            answer = self.handle_user_exception(error)
        return self.process_response(answer if isinstance(answer, Response) else self.make_response(answer))

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Ask the hooks in front of all views; the first that answers is the last."""
        for hook in self.before_request_funcs[None]:
            answer: Any = hook()
            if answer is not None:
                return answer
        return None

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view."""
        asked = context().request
        rule = asked.url_rule
        if rule is None or asked.method == "OPTIONS":
            return super().dispatch_request()
        answer: Any = self.view_functions[rule.endpoint](**(asked.view_args or {}))
        return answer

    def process_response(self, response: Response) -> Response:
        """Let the hooks behind all views complete a reply, and keep the session."""
        now = context()
        own, session = now._after_request_functions, now._session  # noqa: SLF001 - as above it  # pyright: ignore[reportPrivateUsage]
        for hook in (*own, *reversed(self.after_request_funcs[None])):
            completed: Any = hook(response)
            response = completed
        if session is not None and not self.session_interface.is_null_session(session):
            self.session_interface.save_session(self, session, response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do nothing: no hook waits for the end of a request."""

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let the extensions put away what they kept for the request."""
        for hook in reversed(self.teardown_appcontext_funcs):
            hook(exc)
