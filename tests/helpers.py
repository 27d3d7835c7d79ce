"""Doors into the app, and the assertions that many tests share."""

from collections.abc import Callable
from contextvars import Context
from time import monotonic, sleep
from typing import Any, TypeVar, cast

from bs4 import BeautifulSoup, Tag
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from pulse.extensions import db
from pulse.models.refusals import FaultCode
from tests.factories import PASSWORD, Person

T = TypeVar("T")


def knock(client: FlaskClient, path: str, **options: Any) -> TestResponse:
    """Send a request as from outside.

    It gets a context of its own, as in service: within the test's it would share `g` and the session with it and with
    every request before. What the test has open ends first, for it would hold the lock that the request needs.
    """
    db.session.rollback()
    return Context().run(client.open, path, **options)


class Api:
    """The REST API, called as a program does."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client(use_cookies=False)

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """Send one request; a path that begins with `/` is taken from `/api/v1`."""
        headers = Headers(options.pop("headers", None))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return knock(self._client, f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """GET."""
        return self.call("GET", path, token, **options)

    def post(self, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """POST."""
        return self.call("POST", path, token, **options)

    def patch(self, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """PATCH."""
        return self.call("PATCH", path, token, **options)

    def delete(self, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """DELETE."""
        return self.call("DELETE", path, token, **options)


class Visitor:
    """A browser without scripts: keeps cookies, follows nothing by itself, fills in forms by their labels."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.last: TestResponse | None = None

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.open("GET", path, **options)

    def open(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request of any method."""
        self.last = knock(self.client, path, method=method, **options)
        return self.last

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Post what is given and nothing else: no proof against forgery."""
        return self.open("POST", path, data=data, **options)

    def fragment(self, path: str, **options: Any) -> TestResponse:
        """Ask for a piece of a page, as htmx does."""
        return self.get(path, headers=HTMX | options.pop("headers", {}), **options)

    def submit(self, path: str, data: dict[str, Any] | None = None, *, page: str | None = None, **options: Any) -> TestResponse:
        """Post a form; its proof against forgery is read from `page`, by default the form's own address."""
        proof = self.csrf_token(page or path)
        return self.post(path, {"csrf_token": proof, **(data or {})}, **options)

    def submit_fragment(self, path: str, data: dict[str, Any] | None = None, *, page: str | None = None) -> TestResponse:
        """Post a form as htmx does."""
        return self.submit(path, data, page=page, headers=HTMX)

    def csrf_token(self, path: str) -> str:
        """Return the proof that a page's form carries."""
        field = soup(knock(self.client, path, follow_redirects=True)).find("input", {"name": "csrf_token"})
        assert isinstance(field, Tag), f"{path} has no form"
        return cast("str", field["value"])

    def sign_in(self, person: Person, password: str = PASSWORD) -> TestResponse:
        """Sign somebody in."""
        return self.submit("/sign-in", {"email": person.email, "password": password})


HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "Sec-Fetch-Site": "same-origin"}


def soup(response: TestResponse) -> BeautifulSoup:
    """Return a reply's HTML."""
    return BeautifulSoup(response.get_data(as_text=True), "html.parser")


def text(response: TestResponse) -> str:
    """Return the words of a reply, with single spaces."""
    return " ".join(soup(response).get_text(" ").split())


def assert_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Hold a reply to the one shape of the API's errors; return it."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    problem = cast("dict[str, Any]", response.get_json(force=True))
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"].endswith(f"/docs#{code}")
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert {"title", "detail"} <= problem.keys()
    assert {fault["code"] for fault in problem.get("errors", ())} <= {*FaultCode}
    return problem


def eventually(look: Callable[[], T | None], seconds: float = 30) -> T:
    """Return what `look` finds, as soon as it finds something."""
    deadline = monotonic() + seconds
    while not (found := look()):
        assert monotonic() < deadline, f"never: {look}"
        sleep(0.05)
    return found
