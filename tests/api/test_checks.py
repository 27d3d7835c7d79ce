"""Checks over the API: history, uptime, and a check at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.event import OPERATOR
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.targets import hanging, redirecting, replying, serve


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


def test_a_manual_check_is_made_stored_and_answered(api, token, alice):
    with serve(replying(200)) as target:
        monitor_id = make_monitor(alice, url=target.url).id

        reply = api.post(f"/monitors/{monitor_id}/checks", token)

    made = reply.get_json()
    assert reply.status_code == 201
    assert (made["type"], made["status"], made["http_status_code"], made["error"]) == ("manual", "up", 200, None)
    assert api.get(f"/monitors/{monitor_id}/checks", token).get_json()["data"] == [made]
    assert api.get(f"/monitors/{monitor_id}", token).get_json()["last_check"] == made


def test_a_manual_check_works_on_a_paused_monitor(api, token, alice):
    with serve(replying(503)) as target:
        monitor = make_monitor(alice, url=target.url)
        monitor.pause(db.session, OPERATOR)
        db.session.commit()

        made = api.post(f"/monitors/{monitor.id}/checks", token).get_json()

    assert (made["status"], made["error"]) == ("down", "unexpected_status")


def test_a_manual_check_ends_with_its_timeout(api, token, alice):
    with serve(hanging()) as target:
        monitor_id = make_monitor(alice, url=target.url, timeout_seconds=1).id
        began = time.monotonic()

        made = api.post(f"/monitors/{monitor_id}/checks", token).get_json()

    assert (made["status"], made["error"]) == ("down", "timeout")
    assert time.monotonic() - began < 2.0


def test_manual_checks_are_limited_per_monitor(api, token, alice, within_a_minute):
    with serve(replying(200)) as target:
        monitor_id = make_monitor(alice, url=target.url).id

        replies = [api.post(f"/monitors/{monitor_id}/checks", token) for _ in range(11)]

    assert [reply.status_code for reply in replies] == [201] * 10 + [429]
    problem = assert_problem(replies[-1], 429, "rate_limited")
    assert int(replies[-1].headers["Retry-After"]) == problem["retry_after"] > 0


def test_four_manual_checks_of_a_team_run_at_once_and_leave_their_turns_behind(app, api, token, alice):
    with serve(hanging()) as target:
        ids = [make_monitor(alice, url=target.url, timeout_seconds=2).id for _ in range(6)]
        # What this thread has open would hold the lock that the checks need.
        db.session.rollback()

        def run(monitor_id):
            with app.app_context():
                return api.post(f"/monitors/{monitor_id}/checks", token)

        with ThreadPoolExecutor(6) as pool:
            replies = list(pool.map(run, ids))
        target.behaviour = replying(200)
        after = api.post(f"/monitors/{ids[0]}/checks", token)

    refused = [reply for reply in replies if reply.status_code == 429]
    assert sorted(reply.status_code for reply in replies) == [201] * 4 + [429] * 2
    assert all(
        int(reply.headers["Retry-After"]) == assert_problem(reply, 429, "rate_limited")["retry_after"] for reply in refused
    )
    assert after.status_code == 201


def test_a_manual_check_reaches_no_private_address(api, token, alice):
    with serve(redirecting("http://10.0.0.1/")) as target:
        monitor_id = make_monitor(alice, url=target.url, timeout_seconds=2).id

        made = api.post(f"/monitors/{monitor_id}/checks", token).get_json()

    assert (made["status"], made["error"]) == ("down", "forbidden_address")


def test_a_check_tells_nothing_of_what_was_sent_or_came_back(api, token, alice):
    with serve(replying(500, body=b"hush")) as target:
        monitor_id = make_monitor(alice, url=target.url, headers={"X-Key": "hush"}).id

        reply = api.post(f"/monitors/{monitor_id}/checks", token)

    members = {"id", "monitor_id", "type", "status", "http_status_code", "response_time_ms", "error", "checked_at"}
    assert set(reply.get_json()) == members
    assert "hush" not in reply.get_data(as_text=True)


def test_the_history_is_newest_first_with_filters(api, token, alice):
    monitor = make_monitor(alice)
    old = utcnow() - timedelta(hours=2)
    check(monitor, GOOD, BAD, at=old)
    check(monitor, GOOD)
    path = f"/monitors/{monitor.id}/checks"

    def listed(query=""):
        return [each["status"] for each in api.get(f"{path}{query}", token).get_json()["data"]]

    assert listed() == ["up", "down", "up"]
    assert listed("?status=down") == ["down"]
    assert listed("?type=scheduled") == []
    since = (utcnow() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert listed(f"?since={since}") == ["up"]
    assert listed(f"?until={since}") == ["down", "up"]
    assert_problem(api.get(f"{path}?since=yesterday", token), 422, "validation_failed")
    assert_problem(api.get(f"{path}?since=2026-01-01T00:00:00", token), 422, "validation_failed")


def test_the_history_is_paged(api, token, alice):
    monitor = make_monitor(alice)
    ids = check(monitor, *[GOOD] * 7)
    seen, cursor = [], ""

    while cursor is not None:
        page = api.get(f"/monitors/{monitor.id}/checks?limit=3" + (f"&cursor={cursor}" if cursor else ""), token).get_json()
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]

    assert seen == ids[::-1]


def test_uptime_counts_checks(api, token, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, GOOD, BAD, GOOD)

    told = api.get(f"/monitors/{monitor.id}/uptime", token).get_json()

    assert told["24h"] == {"up": 3, "total": 4, "percent": 75.0}
    assert set(told) == {"24h", "7d", "30d"}
