"""Monitors over the API."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from pulse.abilities import Ability
from pulse.extensions import db, services
from pulse.models.event import Event
from pulse.models.monitor import Monitor
from pulse.plans import Plan
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import make_monitor

SECRETS = {
    "headers": {"X-Api-Key": "hush-hush"},
    "body": "hush-body",
    "auth": {"type": "basic", "username": "u", "password": "hush-pw"},
}
MEMBERS = set(
    """
    id external_id name url method project_id interval_seconds timeout_seconds expected_status verify_tls header_names has_body
    auth_type state created_at updated_at paused_at last_check next_check_at
    """.split()  # noqa: SIM905 - read as words
)


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


def faults(problem) -> dict[str, str]:
    return {each["field"]: each["message"] for each in problem["errors"]}


def test_a_monitor_is_made_with_its_defaults(api, token):
    reply = api.post("/monitors", token, json={"name": " Shop ", "url": "HTTPS://Shop.Example.com"})

    made = reply.get_json()
    assert reply.status_code == 201
    assert set(made) == MEMBERS
    assert urlsplit(reply.headers["Location"]).path == f"/api/v1/monitors/{made['id']}"
    assert (made["name"], made["url"], made["method"], made["state"]) == ("Shop", "https://shop.example.com/", "GET", "pending")
    assert (made["interval_seconds"], made["timeout_seconds"], made["expected_status"], made["verify_tls"]) == (60, 30, 200, True)
    assert api.get(f"/monitors/{made['id']}", token).get_json() == made


def test_all_faults_are_told_at_once(api, token):
    body = {
        "name": "",
        "url": "ftp://x",
        "interval_seconds": 7,
        "timeout_seconds": 0,
        "method": "BREW",
        "expected_status": "x",
        "nope": 1,
    }

    problem = assert_problem(api.post("/monitors", token, json=body), 422, "validation_failed")

    assert set(faults(problem)) == set(body)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:1/" + "x" * 2048,
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "http://0x0a.1/",
        "http://167772161/",
        "http://user:pw@example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://ex ample.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "",
    ],
)
def test_an_address_that_may_not_be_monitored_is_refused(api, token, url):
    problem = assert_problem(api.post("/monitors", token, json={"name": "X", "url": url}), 422, "validation_failed")

    assert set(faults(problem)) == {"url"}


def test_an_interval_below_the_plan_is_refused(api, token, alice):
    alice.set_plan(Plan.STARTER)

    problem = assert_problem(
        api.post("/monitors", token, json={"name": "X", "url": "https://example.com", "interval_seconds": 15}),
        422,
        "validation_failed",
    )

    assert set(faults(problem)) == {"interval_seconds"}


def test_the_plans_number_of_monitors_is_the_last(api, token, alice):
    alice.set_plan(Plan.STARTER)
    for number in range(25):
        make_monitor(alice, name=f"M{number}")

    problem = assert_problem(api.post("/monitors", token, json={"name": "X", "url": "https://example.com"}), 403, "limit_reached")

    assert problem["limit"] == 25


def test_what_a_monitor_sends_is_never_told_again(api, token):
    body = {"name": "X", "url": "https://example.com", "method": "POST", **SECRETS}

    made = api.post("/monitors", token, json=body)
    read = api.get(f"/monitors/{made.get_json()['id']}", token)

    for reply in (made, read, api.get("/monitors", token)):
        assert "hush" not in reply.get_data(as_text=True)
    told = read.get_json()
    assert (told["header_names"], told["has_body"], told["auth_type"]) == (["X-Api-Key"], True, "basic")
    stored = db.session.get_one(Monitor, told["id"])
    assert b"hush" not in (stored.headers_sealed or b"") + (stored.body_sealed or b"") + (stored.auth_sealed or b"")
    assert stored.request(services().vault).headers == SECRETS["headers"]


def test_a_change_keeps_what_is_absent_and_null_clears(api, token):
    body = {"name": "X", "url": "https://example.com", "method": "POST", **SECRETS}
    made = api.post("/monitors", token, json=body).get_json()

    renamed = api.patch(f"/monitors/{made['id']}", token, json={"name": "Y"}).get_json()
    assert (renamed["name"], renamed["header_names"], renamed["has_body"], renamed["auth_type"]) == (
        "Y",
        ["X-Api-Key"],
        True,
        "basic",
    )

    cleared = api.patch(f"/monitors/{made['id']}", token, json={"headers": {}, "body": None, "auth": None}).get_json()
    assert (cleared["header_names"], cleared["has_body"], cleared["auth_type"]) == ([], False, "none")


@pytest.mark.parametrize("empty", [None, {}])
def test_null_and_an_empty_object_clear_alike(api, token, empty):
    made = api.post("/monitors", token, json={"name": "X", "url": "https://example.com", "method": "POST", **SECRETS}).get_json()

    cleared = api.patch(f"/monitors/{made['id']}", token, json={"headers": empty, "auth": empty}).get_json()

    assert (cleared["header_names"], cleared["auth_type"]) == ([], "none")


def test_put_makes_then_replaces(api, token):
    path = "/monitors/external/shop.eu-1"

    first = api.call("PUT", path, token, json={"name": "Shop", "url": "https://example.com", "timeout_seconds": 5})
    second = api.call("PUT", path, token, json={"name": "Shop 2", "url": "https://example.com"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json()["id"] == second.get_json()["id"]
    assert (second.get_json()["name"], second.get_json()["timeout_seconds"]) == ("Shop 2", 30)
    assert second.get_json()["external_id"] == "shop.eu-1"


def test_put_clears_what_is_absent(api, token):
    path = "/monitors/external/x"
    whole = {"name": "X", "url": "https://example.com", "method": "POST", "expected_status": 204, "verify_tls": False, **SECRETS}
    api.call("PUT", path, token, json=whole)

    told = api.call("PUT", path, token, json={"name": "X", "url": "https://example.com"}).get_json()

    assert (told["method"], told["expected_status"], told["verify_tls"]) == ("GET", 200, True)
    assert (told["header_names"], told["has_body"], told["auth_type"]) == ([], False, "none")


def test_the_same_put_once_more_changes_nothing(api, token, alice):
    whole = {"name": "Shop", "url": "https://shop.example.com/", "method": "POST"} | SECRETS
    first = api.call("PUT", "/monitors/external/shop", token, json=whole).get_json()
    fence = Monitor.find(db.session, alice.team_id, first["id"]).fence

    again = api.call("PUT", "/monitors/external/shop", token, json=whole)
    changed = api.call("PUT", "/monitors/external/shop", token, json=whole | {"body": "another"})

    assert again.get_json() == first
    assert changed.get_json()["updated_at"] > first["updated_at"]
    db.session.rollback()
    trail = [each.detail.get("fields") for each in db.session.query(Event).filter(Event.action == "monitor.changed")]
    assert trail == [["body"]]
    assert Monitor.find(db.session, alice.team_id, first["id"]).fence == fence + 1


def test_put_takes_no_other_external_id_than_that_of_its_address(api, token):
    body = {"name": "X", "url": "https://example.com"}

    same = api.call("PUT", "/monitors/external/x", token, json=body | {"external_id": "x"})

    assert same.status_code == 201
    for other in ("y", None):
        reply = api.call("PUT", "/monitors/external/x", token, json=body | {"external_id": other})
        assert set(faults(assert_problem(reply, 422, "validation_failed"))) == {"external_id"}


def test_of_parallel_puts_one_makes_and_the_others_replace(app, api, token):
    def put(number):
        with app.app_context():
            body = {"name": f"X{number}", "url": "https://example.com"}
            return api.call("PUT", "/monitors/external/pipeline", token, json=body).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(put, range(6)))

    assert sorted(statuses) == [200] * 5 + [201]
    assert len(api.get("/monitors", token).get_json()["data"]) == 1


def test_two_teams_may_use_the_same_external_id(api, token, charlie):
    body = {"name": "X", "url": "https://example.com"}
    tokens = (token, make_key(charlie).token)

    made = [api.call("PUT", "/monitors/external/shop", each, json=body) for each in tokens]

    assert [reply.status_code for reply in made] == [201, 201]
    assert len({reply.get_json()["id"] for reply in made}) == 2


def test_a_change_to_another_monitors_external_id_is_a_conflict(api, token, alice):
    make_monitor(alice, external_id="one")
    other = make_monitor(alice, external_id="two").id

    assert_problem(api.patch(f"/monitors/{other}", token, json={"external_id": "one"}), 409, "conflict")

    assert api.patch(f"/monitors/{other}", token, json={"external_id": None}).get_json()["external_id"] is None


@pytest.mark.parametrize("field", ["name", "url"])
def test_a_monitor_keeps_a_name_and_a_url(api, token, alice, field):
    monitor_id = make_monitor(alice).id

    problem = assert_problem(api.patch(f"/monitors/{monitor_id}", token, json={field: None}), 422, "validation_failed")

    assert set(faults(problem)) == {field}


def test_pausing_and_resuming_twice_is_harmless(api, token, alice):
    monitor_id = make_monitor(alice).id

    told = [api.post(f"/monitors/{monitor_id}/{act}", token) for act in ("resume", "pause", "pause", "resume", "resume")]

    assert [reply.status_code for reply in told] == [200] * 5
    assert told[1].get_json() == told[2].get_json()


def test_ids_are_never_used_again(api, token, alice):
    first = make_monitor(alice).id
    api.delete(f"/monitors/{first}", token)

    assert make_monitor(alice).id > first


@pytest.mark.parametrize("external_id", ["a b", "ä", "x" * 129, "a%00b"])
def test_an_external_id_has_a_closed_alphabet(api, token, external_id):
    reply = api.call("PUT", f"/monitors/external/{external_id}", token, json={"name": "X", "url": "https://example.com"})

    assert_problem(reply, 422, "validation_failed")


def test_an_external_id_is_unique_in_the_team(api, token):
    body = {"name": "X", "url": "https://example.com", "external_id": "one"}
    api.post("/monitors", token, json=body)

    assert_problem(api.post("/monitors", token, json=body), 409, "conflict")


def test_pause_and_resume(api, token, alice):
    monitor_id = make_monitor(alice).id

    paused = api.post(f"/monitors/{monitor_id}/pause", token).get_json()
    resumed = api.post(f"/monitors/{monitor_id}/resume", token).get_json()

    assert (paused["state"], paused["next_check_at"]) == ("paused", None)
    assert paused["paused_at"].endswith("Z")
    assert (resumed["state"], resumed["paused_at"]) == ("pending", None)


def test_a_deleted_monitor_is_gone(api, token, alice):
    monitor_id = make_monitor(alice).id

    assert api.delete(f"/monitors/{monitor_id}", token).status_code == 204

    assert_problem(api.get(f"/monitors/{monitor_id}", token), 404, "not_found")
    assert_problem(api.delete(f"/monitors/{monitor_id}", token), 404, "not_found")


def test_every_act_is_in_the_trail(api, token, alice):
    monitor_id = api.post("/monitors", token, json={"name": "X", "url": "https://example.com"}).get_json()["id"]
    for path in ("pause", "resume"):
        api.post(f"/monitors/{monitor_id}/{path}", token)
    api.patch(f"/monitors/{monitor_id}", token, json={"name": "Y"})
    api.delete(f"/monitors/{monitor_id}", token)
    db.session.rollback()

    trail = db.session.query(Event).filter_by(monitor_id=monitor_id).order_by(Event.id).all()

    acts = ("created", "paused", "resumed", "changed", "deleted")
    assert [each.action for each in trail] == [f"monitor.{act}" for act in acts]
    assert {each.actor_kind for each in trail} == {"key"}


def test_the_list_is_by_name_with_filters(api, token, alice):
    for name in ("beta", "Alpha", "gamma"):
        make_monitor(alice, name=name)

    def listed(query=""):
        return [each["name"] for each in api.get(f"/monitors{query}", token).get_json()["data"]]

    assert listed() == ["Alpha", "beta", "gamma"]
    assert listed("?q=ALPH") == ["Alpha"]
    assert listed("?state=pending") == ["Alpha", "beta", "gamma"]
    assert listed("?state=down") == []
    assert_problem(api.get("/monitors?state=broken", token), 422, "validation_failed")


def test_paging_neither_skips_nor_repeats_while_rows_are_inserted(api, token, alice):
    for number in range(10):
        make_monitor(alice, name=f"m{number}")
    seen, path = [], "/monitors?limit=3"

    while path:
        reply = api.get(path, token)
        seen += [each["name"] for each in reply.get_json()["data"]]
        make_monitor(alice, name=f"a{len(seen)}")
        cursor = reply.get_json()["next_cursor"]
        assert ('rel="next"' in reply.headers.get("Link", "")) == bool(cursor)
        path = f"/monitors?limit=3&cursor={cursor}" if cursor else None

    assert seen == [f"m{number}" for number in range(10)]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=-1", "limit=9999999999999999999999", "limit=x", "limit=1&limit=2", "sort=name", "q=a%00b"],
)
def test_a_bad_query_is_refused(api, token, query):
    assert_problem(api.get(f"/monitors?{query}", token), 422, "validation_failed")


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WzFd", "WyJhIiwgMV0x", "WyJhIiwtMV0", "é", "%00"])
def test_a_bad_cursor_is_refused(api, token, cursor):
    assert_problem(api.get(f"/monitors?cursor={cursor}", token), 400, "malformed_request")


def test_a_list_takes_two_statements(api, token, alice, statements):
    for number in range(5):
        make_monitor(alice, name=f"m{number}")
    api.get("/monitors", token)
    services().uses.flush()

    with statements() as sent:
        api.get("/monitors", token)

    assert len(sent) == 2


def test_reading_needs_no_write_and_writing_no_read(api, alice):
    reader = make_key(alice, Ability.MONITORS_READ, name="reader").token
    writer = make_key(alice, Ability.MONITORS_WRITE, name="writer").token

    assert api.get("/monitors", reader).status_code == 200
    assert_problem(api.get("/monitors", writer), 403, "ability_required")
    assert api.post("/monitors", writer, json={"name": "X", "url": "https://example.com"}).status_code == 201


def test_nobody_has_what_is_write_only_sent_to_another_server(api, token):
    body = {"name": "X", "url": "https://example.com", "method": "POST", **SECRETS}
    path = f"/monitors/{api.post('/monitors', token, json=body).get_json()['id']}"

    problem = assert_problem(api.patch(path, token, json={"url": "https://thief.example.org/"}), 422, "validation_failed")

    assert set(faults(problem)) == set(SECRETS)
    assert api.get(path, token).get_json()["url"] == "https://example.com/"
    moved = api.patch(path, token, json={"url": "https://example.org/", "headers": None, "body": "b", "auth": None}).get_json()
    assert (moved["url"], moved["header_names"], moved["has_body"], moved["auth_type"]) == (
        "https://example.org/",
        [],
        True,
        "none",
    )


def test_put_takes_nothing_along_to_another_server(api, token):
    path = "/monitors/external/x"
    api.call("PUT", path, token, json={"name": "X", "url": "https://example.com", "method": "POST", **SECRETS})

    told = api.call("PUT", path, token, json={"name": "X", "url": "https://thief.example.org", "method": "POST"}).get_json()

    assert (told["header_names"], told["has_body"], told["auth_type"]) == ([], False, "none")
