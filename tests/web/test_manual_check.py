"""Run Manual Check, against real servers: recorded, judged, limited."""

import asyncio
from contextvars import Context
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy import text as sql

from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db
from pulse.manual_check import AT_ONCE
from pulse.models.check import Check
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.throttle import Throttle
from pulse.models.turn import Turn
from tests.helpers import HTMX, Visitor, soup, text
from tests.monitors import make_monitor
from tests.targets import replying, serve
from tests.web.forms import press, words


def only():
    """Return the one monitor there is."""
    db.session.rollback()
    return db.session.query(Monitor).one()


def test_a_manual_check_asks_the_target_and_is_recorded(tab, alice):
    with serve(replying(200)) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        tab.get(path)

        reply = press(tab, "Run Manual Check")

        assert (reply.status_code, reply.headers["Location"]) == (303, path)
        assert len(target.requests) == 1
    page = text(tab.get(path))
    assert "Manual check: Up." in page
    assert (only().state, db.session.query(Check).one().type) == ("up", "manual")


def test_manual_checks_are_judged_like_any_other(tab, alice):
    with serve(replying(503)) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        replies = [tab.submit_fragment(f"{path}/check", page=path) for _ in range(2)]
        assert db.session.query(Incident).one().status == "open"
        assert "Manual check: Down, unexpected status." in text(replies[1])
        assert "Shop is down" in text(replies[1])
        target.behaviour = replying(200)
        for _ in range(2):
            tab.submit_fragment(f"{path}/check", page=path)

    db.session.rollback()
    assert db.session.query(Incident).one().status == "resolved"


def test_a_paused_monitor_is_checked_by_hand_and_stays_paused(tab, alice):
    with serve(replying(200)) as target:
        monitor = make_monitor(alice, url=target.url)
        monitor.pause(db.session, alice.actor)
        db.session.commit()
        path = f"/monitors/{monitor.id}"

        reply = tab.submit_fragment(f"{path}/check", page=path)

    assert "Manual check: Up." in text(reply)
    assert only().state == "paused"


def test_no_transaction_is_open_while_the_target_is_asked(settings, tab, alice):
    other = connect(settings.database)
    written = []

    async def write(received, writer):
        with other.begin() as connection:
            written.append(connection.execute(update(Monitor).values(updated_at=utcnow())).rowcount)
            if connection.dialect.name == "postgresql":
                idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()"
                assert connection.execute(sql(idle)).scalar_one() == 0
        await replying(200)(received, writer)

    with serve(write) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        reply = tab.submit_fragment(f"{path}/check", page=path)
    other.dispose()

    assert written == [1]
    assert "Manual check: Up." in text(reply)


@pytest.mark.parametrize(
    ("written", "status", "told"),
    [
        ({"url": "https://other.example.com/"}, 409, "was changed while it was being checked. Check it again."),
        ({"timeout_seconds": 7}, 409, "was changed while it was being checked."),
        ({"name": "Till", "interval_seconds": 300}, 303, ""),
        (None, 409, "was deleted while it was being checked."),
    ],
)
def test_a_check_of_former_settings_says_nothing_of_the_new_ones(settings, tab, alice, written, status, told):
    other = connect(settings.database)

    async def change(received, writer):
        with other.begin() as connection:
            mine = delete(Monitor) if written is None else update(Monitor).values(written)
            connection.execute(mine)
        await replying(503)(received, writer)

    with serve(change) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        reply = tab.submit(f"{path}/check", page=path)
    other.dispose()

    assert reply.status_code == status
    assert told in text(reply)
    db.session.rollback()
    assert db.session.query(Check).count() == (1 if status == 303 else 0)
    assert db.session.scalars(select(Monitor.last_up)).all() == ([] if written is None else [False if status == 303 else None])


def test_the_eleventh_check_within_a_minute_is_refused(tab, alice, within_a_minute):
    with serve(replying(200)) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        proof = tab.csrf_token(path)
        replies = [tab.post(f"{path}/check", {"csrf_token": proof}) for _ in range(11)]
        told = tab.post(f"{path}/check", {"csrf_token": proof}, headers=HTMX)

        assert [reply.status_code for reply in replies] == [303] * 10 + [429]
        assert target.hits == 10
    assert 0 < int(replies[-1].headers["Retry-After"]) <= 60
    assert "Too many manual checks of this monitor" in words(soup(told).find(attrs={"data-error": True}))


def test_four_checks_of_a_team_run_at_once_and_no_more(tab, alice, charlie):
    with serve(replying(200)) as target:
        mine = f"/monitors/{make_monitor(alice, url=target.url).id}"
        turns = [Turn.take(db.session, AT_ONCE, 60, "manual checks of team", str(alice.team_id)) for _ in range(AT_ONCE)]
        db.session.commit()

        refused = tab.submit(f"{mine}/check", page=mine)
        turns[2].give_back(db.session)
        db.session.commit()
        allowed = tab.submit(f"{mine}/check", page=mine)

        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert "already has 4 manual checks running" in text(refused)
        assert (allowed.status_code, target.hits) == (303, 1)


def test_a_check_gives_its_turn_back(tab, alice):
    with serve(replying(200)) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        tab.submit(f"{path}/check", page=path)

    db.session.rollback()
    assert db.session.query(Throttle).filter(Throttle.started_at < utcnow() - timedelta(days=365)).count() == 0


def test_checks_by_hand_take_at_most_half_of_the_threads(app_with, alice):
    narrow = app_with(threads=2)
    tab, second = Visitor(narrow), Visitor(narrow)
    tab.sign_in(alice)
    second.sign_in(alice)
    refused = []
    with serve(replying(200)) as target:
        path = f"/monitors/{make_monitor(alice, url=target.url).id}"
        proof, other_proof = tab.csrf_token(path), second.csrf_token(path)

        async def call_again(received, writer):
            call = partial(second.client.post, f"{path}/check", data={"csrf_token": other_proof})
            refused.append(await asyncio.to_thread(Context().run, call))
            await replying(200)(received, writer)

        target.behaviour = call_again
        first = tab.post(f"{path}/check", {"csrf_token": proof})
        target.behaviour = replying(200)
        third = tab.post(f"{path}/check", {"csrf_token": proof})

    assert [each.status_code for each in (first, *refused, third)] == [303, 429, 303]
    assert "Too many manual checks are running." in text(refused[0])


def test_what_cannot_be_opened_any_more_is_said(app_with, alice):
    monitor = make_monitor(alice, headers={"A": "b"}).id
    other = app_with(secret_key="another secret of this service, long enough")
    tab = Visitor(other)
    tab.sign_in(alice)

    reply = tab.submit(f"/monitors/{monitor}/check", page=f"/monitors/{monitor}")

    assert reply.status_code == 409
    assert "Enter them again." in text(reply)
