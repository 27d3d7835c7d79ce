"""The short way through Flask ends where Flask's own ends."""

from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, after_this_request, g, jsonify, redirect, request, session, url_for
from werkzeug.test import TestResponse

from pulse.lane import Lane, WholeResponse

ASKED: tuple[tuple[str, str], ...] = (
    ("GET", "/"),
    ("HEAD", "/"),
    ("OPTIONS", "/"),
    ("POST", "/"),
    ("GET", "//"),
    ("GET", "//later"),
    ("GET", "/missing"),
    ("GET", "/things/7"),
    ("GET", "/things/<name>"),
    ("GET", "/refused"),
    ("GET", "/raised"),
    ("GET", "/unforeseen"),
    ("GET", "/stopped"),
    ("GET", "/later"),
    ("GET", "/kept"),
    ("GET", "/kept"),
    ("GET", "/away"),
    ("GET", "/pair"),
)


class Wrong(Exception):
    """What a view may raise."""


def made(kind: type[Flask]) -> Flask:
    """Return an app of a kind, with a view for each thing that a view can do."""
    app = kind("made")
    app.secret_key = "made"
    app.url_map.merge_slashes = False
    told: list[str] = []

    @app.before_request
    def enter() -> Response | None:
        g.entered = True
        return Response("stopped", 418) if request.path == "/stopped" else None

    @app.after_request
    def leave(response: Response) -> Response:
        response.headers["X-Entered"] = str(g.entered)
        response.headers["X-Ended"] = str(len(told))
        return response

    @app.after_request
    def leave_first(response: Response) -> Response:
        response.headers["X-Order"] = f"after {response.headers.get('X-Entered', 'nobody')}"
        return response

    @app.teardown_appcontext
    def end(_error: BaseException | None) -> None:
        told.append(request.path if request else "")

    @app.errorhandler(Wrong)
    def wrong(_error: Wrong) -> Response:
        return Response("wrong", 409)

    @app.errorhandler(ZeroDivisionError)
    def unforeseen(_error: ZeroDivisionError) -> Response:
        return Response("unforeseen", 500)

    app.add_url_rule("/", "index", lambda: jsonify(here=url_for("thing", name="7")))
    app.add_url_rule("/things/<name>", "thing", lambda name: f"thing {name}")
    app.add_url_rule("/refused", "refused", lambda: abort(403))
    app.add_url_rule("/raised", "raised", raised)
    app.add_url_rule("/unforeseen", "unforeseen", lambda: str(1 // 0))
    app.add_url_rule("/later", "later", later)
    app.add_url_rule("/kept", "kept", kept)
    app.add_url_rule("/away", "away", lambda: redirect(url_for("index"), 303))
    app.add_url_rule("/pair", "pair", lambda: ("made", 201, {"X-Made": "yes"}))
    return app


def raised() -> str:
    """Raise what has a handler."""
    raise Wrong


def later() -> str:
    """Have something done once there is a reply."""

    @after_this_request
    def mark(response: Response) -> Response:
        response.headers["X-Later"] = "yes"
        return response

    return "later"


def kept() -> str:
    """Keep something in the session."""
    session["times"] = session.get("times", 0) + 1
    return str(session["times"])


def answers(app: Flask) -> list[Any]:
    """Return what the app answers to each request of one visitor."""
    client = app.test_client()
    return [facts(client.open("/", method=method, environ_overrides={"PATH_INFO": path})) for method, path in ASKED]


def facts(reply: TestResponse) -> Any:
    """Return all that a client sees, but for when a cookie was signed."""
    headers = {name: value for name, value in reply.headers if name != "Set-Cookie"}
    return reply.status, headers, reply.get_data(), "Set-Cookie" in reply.headers


def test_every_request_ends_as_on_flasks_own_way():
    short, own = answers(made(Lane)), answers(made(Flask))

    assert list(zip(ASKED, short, strict=True)) == list(zip(ASKED, own, strict=True))
    assert {status for status, *_ in own} >= {
        "200 OK",
        "303 SEE OTHER",
        "404 NOT FOUND",
        "405 METHOD NOT ALLOWED",
        "409 CONFLICT",
    }


def test_a_failure_nobody_handles_is_a_500_that_passes_the_hooks():
    app = made(Lane)
    app.add_url_rule("/lost", "lost", lambda: {}["lost"])

    reply = app.test_client().get("/lost")

    assert reply.status_code == 500
    assert reply.headers["X-Entered"] == "True"


def test_paths_are_kept_only_as_routes_spell_them():
    app = made(Lane)
    client = app.test_client()

    for path in ("/", "//", "/later", "//later", "///later", "/things/7", "/things/<name>", "/missing"):
        client.get("/", environ_overrides={"PATH_INFO": path})

    assert {path for path, _ in app.url_map.known} == {"/", "/later"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request", "url_value_preprocessor"])
def test_an_app_with_hooks_of_a_blueprint_is_refused(hook: str):
    app, bp = Lane("refused"), Blueprint("own", __name__)
    app.register_blueprint(Blueprint("other", __name__))
    app.check()

    getattr(bp, hook)(lambda *_: None)
    app.register_blueprint(bp)

    with pytest.raises(RuntimeError, match="hooks"):
        app.check()


@pytest.mark.parametrize("hook", ["teardown_request", "url_value_preprocessor"])
def test_an_app_with_hooks_that_are_never_called_is_refused(hook: str):
    app = Lane("refused")
    getattr(app, hook)(lambda *_: None)

    with pytest.raises(RuntimeError, match="hooks"):
        app.check()


def test_an_app_with_routes_by_host_is_refused():
    app = Lane("refused")
    app.config["SERVER_NAME"] = "pulse.example.com"

    with pytest.raises(RuntimeError, match="by host"):
        app.check()


def test_a_whole_answer_is_handed_over_as_it_is():
    app = Lane("whole")
    app.add_url_rule("/", "index", lambda: WholeResponse(b'{"a": 1}', 201, "application/json"))
    client = app.test_client()

    reply, head = client.get("/"), client.head("/")

    assert (reply.status, reply.get_data(), reply.json) == ("201 CREATED", b'{"a": 1}', {"a": 1})
    assert dict(reply.headers) == {"Content-Type": "application/json", "Content-Length": "8"} == dict(head.headers)
    assert head.get_data() == b""


def test_a_whole_answer_that_is_changed_tells_its_new_length():
    answer = WholeResponse(b"{}", 200, "application/json")

    answer.set_data(b'{"a": 1}')

    assert answer.headers["Content-Length"] == "8"
