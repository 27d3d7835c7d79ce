"""Lists and queries: paging, cursors, filters, what they cost, and that nobody's writing is waited for."""

import base64
import json
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy.engine import make_url

from pulse.api.operations import OPERATIONS
from pulse.api.pages import PageQuery, mark_of
from pulse.clock import utcnow
from pulse.extensions import services
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, GOOD, check, make_monitor

LISTS = sorted(
    each.path.replace("<id:monitor_id>", "{monitor}") for each in OPERATIONS.values() if issubclass(each.query, PageQuery)
)
LARGEST = 2**63 - 1
ODD_PLACES = ([], [0], [-1], [True], [1.0], ["1"], [10**30], [1, 2, 3], [None, 1], [["a"], 1], ["\ud800", 1], ["a\0", 1])


def made_up(place, path: str | None = None) -> str:
    """A cursor nobody gave out, of the list at a path if one is given."""
    whole = [mark_of(f"/api/v1{path}", {}), *place] if path else place
    return base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.fixture
def monitor(alice):
    """The id of a monitor of Alice's, with an incident."""
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, BAD)
    return monitor.id


def pages(api, token, path, limit=2):
    """Walk through a list by its `Link` headers, and return its pages' rows."""
    walked, address = [], f"{path}{'&' if '?' in path else '?'}limit={limit}"
    while address:
        reply = api.get(address, token)
        assert reply.status_code == 200, reply.get_data(as_text=True)
        walked.append(reply.get_json()["data"])
        link = reply.headers.get("Link", "")
        assert bool(link) == (reply.get_json()["next_cursor"] is not None)
        parts = urlsplit(link.removeprefix("<").partition(">")[0])
        address = f"{parts.path.removeprefix('/api/v1')}?{parts.query}" if link else None
    return walked


def test_the_lists_are_those_of_the_contract():
    own = ["/alert-rules", "/channels", "/incidents", "/invitations", "/members", "/monitors", "/projects"]
    assert sorted([*own, "/monitors/{monitor}/checks"]) == LISTS


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "=",
        "%00",
        "é",
        "x" * 5000,
        made_up([]),
        made_up({}),
        made_up(None),
        made_up([0]),
        made_up([-1]),
        made_up([True]),
        made_up([1.0]),
        made_up(["1"]),
        made_up([10**30]),
        made_up([1, 2, 3]),
        made_up([None, 1]),
        made_up([["a"], 1]),
        made_up(["\ud800", 1]),
        made_up(["a\0", 1]),
        made_up(["0001-01-01T00:00:00+23:59", "x"]),
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
        base64.urlsafe_b64encode(b"[" * 1400 + b"1" + b"]" * 1400).decode(),
        base64.urlsafe_b64encode(b"[NaN]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_was_not_given_out_is_refused(api, token, monitor, path, cursor):
    assert_problem(api.get(f"{path.format(monitor=monitor)}?cursor={cursor}", token), 400, "malformed_request")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "x"])
def test_a_cursor_with_an_impossible_time_is_refused(api, token, monitor, moment):
    path = f"/monitors/{monitor}/checks"

    reply = api.get(f"{path}?cursor={made_up([moment, 1], path)}", token)

    assert_problem(reply, 400, "malformed_request")


@pytest.mark.parametrize("path", LISTS)
def test_the_end_of_64_bit_is_no_trouble(api, token, monitor, path):
    places = {
        "/monitors": ["zzz", LARGEST],
        "/monitors/{monitor}/checks": ["0001-01-01T00:00:00+00:00", LARGEST],
    }
    address = path.format(monitor=monitor)

    assert api.get(f"{address}?cursor={made_up(places.get(path, [LARGEST]), address)}", token).status_code == 200


@pytest.mark.parametrize("place", ODD_PLACES)
@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_tells_no_place_is_refused(api, token, monitor, path, place):
    address = path.format(monitor=monitor)

    assert_problem(api.get(f"{address}?cursor={made_up(place, address)}", token), 400, "malformed_request")


def test_a_cursor_belongs_to_its_list_and_its_filters(api, token, alice):
    for number in range(3):
        make_monitor(alice, name=f"Shop {number}")
        api.post("/projects", token, json={"name": f"P{number}"})
    of_projects = api.get("/projects?limit=1", token).get_json()["next_cursor"]
    of_shops = api.get("/monitors?limit=1&q=shop", token).get_json()["next_cursor"]

    for path, asked in (("/channels", {"cursor": of_projects}), ("/monitors", {"cursor": of_shops})):
        assert_problem(api.get(path, token, query_string=asked), 400, "malformed_request")
        assert_problem(api.get("/monitors", token, query_string=asked | {"q": "till"}), 400, "malformed_request")
    further = api.get("/monitors", token, query_string={"q": "shop", "limit": 200, "cursor": of_shops}).get_json()["data"]
    assert [each["name"] for each in further] == ["Shop 1", "Shop 2"]


@pytest.mark.parametrize("query", ["q=%ff", "q=%ED%A0%80", "q=%C3", "%ff=1"])
def test_a_query_that_is_not_utf_8_is_malformed(api, token, query):
    for path in ("/monitors", "/key"):
        assert_problem(api.get(f"{path}?{query}", token), 400, "malformed_request")


def test_a_plus_that_became_a_space_is_told(api, token, monitor):
    reply = api.get("/incidents?since=2026-01-31T12:00:00+02:00", token)

    assert "%2B" in assert_problem(reply, 422, "validation_failed")["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=" + "x" * 201, "Use at most 200 characters."),
        ("state=gone", "Choose one of up, down, paused, pending."),
        ("limit=201", "Use a number of at most 200."),
        ("limit=0", "Use a number of at least 1."),
        ("project_id=0", "Use a number of at least 1."),
    ],
)
def test_what_is_wrong_with_a_query_is_told_in_our_words(api, token, query, words):
    problem = assert_problem(api.get(f"/monitors?{query}", token), 422, "validation_failed")

    assert [each["message"] for each in problem["errors"]] == [words]


@pytest.mark.parametrize("moment", ["2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-01-31", "x"])
def test_what_a_time_needs_is_told_by_an_example(api, token, moment):
    problem = assert_problem(api.get(f"/incidents?since={moment}", token), 422, "validation_failed")

    assert "2026-01-31T12:00:00Z" in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=5.0",
        "limit=%205",
        "limit=1_0",
        "limit=%2B5",
        "limit=",
        "limit=" + "9" * 400,
        "limit=%D9%A3",
        "limit=1&limit=1",
        "page=2",
        "%00=1",
        "Limit=5",
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_an_odd_query_is_refused(api, token, monitor, path, query):
    assert_problem(api.get(f"{path.format(monitor=monitor)}?{query}", token), 422, "validation_failed")


@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "0",
        "1767225600",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00+99:00",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/incidents", "/monitors/{monitor}/checks"])
def test_a_time_without_a_zone_or_beyond_the_calendar_is_refused(api, token, monitor, path, moment):
    for name in ("since", "until"):
        problem = assert_problem(api.get(f"{path.format(monitor=monitor)}?{name}={moment}", token), 422, "validation_failed")

        assert [each["field"] for each in problem["errors"]] == [name]


def test_a_time_is_taken_in_any_zone(api, token, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, at=utcnow() - timedelta(hours=2))
    check(monitor, BAD)
    border = utcnow() - timedelta(hours=1)
    spellings = [
        border.isoformat().replace("+00:00", "Z"),
        f"{(border + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat()}%2B05:30",
    ]

    told = [api.get(f"/monitors/{monitor.id}/checks?since={each}", token).get_json()["data"] for each in spellings]

    assert [[each["status"] for each in rows] for rows in told] == [["down"], ["down"]]


@pytest.mark.parametrize("letter", ["😀", "ΐ", "ß", "é", "z"])
def test_a_cursor_holds_the_longest_names(api, token, alice, letter):
    for number in range(3):
        make_monitor(alice, name=letter * 99 + str(number))

    walked = pages(api, token, "/monitors", limit=1)

    assert [row["name"][-1] for rows in walked for row in rows] == ["0", "1", "2"]


def test_names_that_fold_to_the_same_are_told_apart(api, token, alice):
    ids = [make_monitor(alice, name=name).id for name in ("SHOP", "shop", "Shop", "sHop", "shoP")]

    walked = pages(api, token, "/monitors")

    assert [row["id"] for rows in walked for row in rows] == ids


def test_checks_at_the_same_moment_are_told_apart(api, token, alice):
    monitor, moment = make_monitor(alice), utcnow()
    ids = [check(monitor, GOOD, at=moment)[0] for _ in range(5)]

    walked = pages(api, token, f"/monitors/{monitor.id}/checks")

    assert [row["id"] for rows in walked for row in rows] == ids[::-1]


def test_filters_go_along_to_the_next_page(api, token, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, GOOD, BAD, BAD)

    walked = pages(api, token, f"/monitors/{monitor.id}/checks?status=down", limit=1)

    assert [row["status"] for rows in walked for row in rows] == ["down"] * 3


def test_incidents_are_paged_newest_first_whatever_opens_meanwhile(api, token, alice):
    for _ in range(3):
        check(make_monitor(alice), BAD, BAD)
    first = api.get("/incidents?limit=2", token).get_json()
    check(make_monitor(alice), BAD, BAD)

    second = api.get(f"/incidents?limit=2&cursor={first['next_cursor']}", token).get_json()

    ids = [each["id"] for each in first["data"] + second["data"]]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 3


@pytest.mark.parametrize("sought", ["SHOP.Example", "shop.example", "ÄRGER", "ärger", "100%", "a_b"])
def test_monitors_are_found_in_any_case_and_to_the_letter(api, token, alice, sought):
    make_monitor(alice, name="Ärger 100% a_b", url="https://shop.example.com/")
    make_monitor(alice, name="1000 axb", url="https://other.example.com/")

    found = api.get("/monitors", token, query_string={"q": sought}).get_json()["data"]

    assert [each["url"] for each in found] == ["https://shop.example.com/"]


@pytest.mark.parametrize("path", [*LISTS, "/monitors/{monitor}", "/monitors/{monitor}/uptime", "/key"])
def test_a_read_takes_at_most_two_statements_and_waits_for_no_writer(api, token, monitor, settings, statements, path):
    api.get("/key", token)
    services().uses.flush()

    with closing(locked(settings)), statements() as sent:
        began = time.monotonic()
        reply = api.get(path.format(monitor=monitor), token)
        took = time.monotonic() - began

    assert reply.status_code == 200
    assert took < 1
    assert len(sent) == (1 if path == "/key" else 2)


def locked(settings):
    """Let another process write: on SQLite that locks the file, on PostgreSQL the tables are taken as hard as writing can."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(url.database or "", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        return connection
    import psycopg  # noqa: PLC0415 - only where the tests run on it

    connection = psycopg.connect(settings.database)
    connection.execute("LOCK TABLE monitors, checks, incidents, projects IN EXCLUSIVE MODE")
    return connection


def test_an_empty_history_differs_from_none(api, token, alice):
    monitor = make_monitor(alice)

    assert api.get(f"/monitors/{monitor.id}/checks", token).get_json() == {"data": [], "next_cursor": None}
    assert api.get(f"/monitors/{monitor.id}/uptime", token).get_json()["7d"] == {"up": 0, "total": 0, "percent": None}
    for path in ("checks", "uptime"):
        assert_problem(api.get(f"/monitors/999999999/{path}", token), 404, "not_found")
