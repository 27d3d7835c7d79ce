"""HTTP itself: methods, what is accepted, how long an address may be."""

import re

import pytest

from pulse.api.operations import OPERATIONS
from pulse.extensions import services
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import make_monitor

READS = sorted({each.path for each in OPERATIONS.values() if each.method == "GET" and "<" not in each.path})
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.mark.parametrize("path", READS)
def test_head_tells_what_get_does_without_the_body(api, token, path):
    api.get(path, token)
    services().uses.flush()  # from here on it stays when the key was last used
    got, head = api.get(path, token), api.call("HEAD", path, token)

    assert (head.status_code, head.mimetype, head.data) == (got.status_code, got.mimetype, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("path", sorted({each.path for each in OPERATIONS.values()}))
def test_a_method_that_is_not_taken_is_told_with_those_that_are(api, token, path):
    takes = {each.method for each in OPERATIONS.values() if each.path == path}
    address = re.sub("<id:[a-z_]+>", "1", path.replace("<external_id>", "x"))

    for method in (METHODS - takes) | {"OPTIONS", "TRACE", "BREW"}:
        reply = api.call(method, address, token)

        assert_problem(reply, 405, "method_not_allowed")
        assert METHODS & set(reply.headers["Allow"].split(", ")) == takes


def test_no_header_overrides_the_method(api, token, alice):
    monitor_id = make_monitor(alice).id

    api.post(f"/monitors/{monitor_id}/pause", token, headers={"X-HTTP-Method-Override": "DELETE"})

    assert api.get(f"/monitors/{monitor_id}", token).status_code == 200


@pytest.mark.parametrize(
    "accept", ["text/html", "text/csv", "application/xml, text/*;q=0.5", "application/json;q=0", "*/*;q=0", "x"]
)
def test_who_takes_no_json_gets_none_and_nothing_is_done(api, token, accept):
    body = {"name": "X", "url": "https://example.com"}

    for reply in (
        api.get("/monitors", token, headers={"Accept": accept}),
        api.post("/monitors", token, json=body, headers={"Accept": accept}),
    ):
        assert_problem(reply, 406, "not_acceptable")
    assert api.get("/monitors", token).get_json()["data"] == []


@pytest.mark.parametrize(
    "accept", ["application/json", "application/*", "*/*", "text/html, application/json;q=0.1", "text/html, */*;q=0.1", ""]
)
def test_who_takes_json_among_others_gets_it(api, token, accept):
    assert api.get("/monitors", token, headers={"Accept": accept}).mimetype == "application/json"


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/monitors", "application/json; charset=utf-8", "application/json"),
        ("/monitors", "application/json;indent=4, text/html;q=0.5", "application/json"),
        ("/monitors", "text/html;level=1, application/json;odata=verbose;q=0.1", "application/json"),
        ("/incidents", "text/csv; charset=utf-8", "text/csv"),
        ("/incidents", "application/json; charset=utf-8, text/csv; header=present; q=0.5", "application/json"),
        ("/metrics", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain"),
        ("/metrics", "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5", "text/plain"),
    ],
)
def test_a_types_parameters_keep_nobody_from_it(api, token, path, accept, kind):
    reply = api.get(path, token, headers={"Accept": accept})

    assert (reply.status_code, reply.mimetype) == (200, kind)


@pytest.mark.parametrize("path", ["//api/v1/key", "///api/v1/key", "//api/v1/openapi.json", "//api/v1/nothing"])
def test_another_spelling_of_an_address_is_another_address(api, token, path):
    as_sent = {"PATH_INFO": path}

    assert_problem(api.get("/key", environ_overrides=as_sent), 401, "token_missing")
    assert_problem(api.get("/key", token, environ_overrides=as_sent), 404, "not_found")
    assert_problem(api.post("/key", token, environ_overrides=as_sent), 404, "not_found")


def test_where_there_is_nothing_to_tell_any_type_will_do(api, token, alice):
    monitor_id = make_monitor(alice).id

    assert api.delete(f"/monitors/{monitor_id}", token, headers={"Accept": "text/html"}).status_code == 204


def test_an_address_that_is_too_long_is_refused(api, token):
    assert_problem(api.get("/monitors?q=" + "x" * 9000, token), 414, "uri_too_long")


@pytest.mark.parametrize("query", ["&", "&&=", "x=1", "access_token=y"])
def test_what_takes_no_query_refuses_any_field(api, token, query):
    reply = api.get(f"/key?{query}", token)

    assert reply.status_code == (200 if query == "&" else 422), reply.get_data(as_text=True)
