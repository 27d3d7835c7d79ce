"""Uses added up and written: what is kept of them, and what is not."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.key_counting import AT_ONCE, Tally, Use, record, stamp, sweep
from pulse.models.key_use import MOST_CLIENTS, KeyClient, KeyUse
from pulse.models.token import Token
from tests.factories import make_key

CURL = "curl/8.5"


def use(token_id, *, at=None, operation="GET /monitors", status=200, code="", address="203.0.113.7", agent=CURL, live=True):
    return Use(token_id, at or utcnow(), operation, "monitors:read", status, code, address, agent, live)


def added_up(uses):
    tally = Tally()
    for each in uses:
        tally.add(each)
    return tally


def write(*uses):
    tally = added_up(uses)
    new = [client.address for client in record(db.session, tally)]
    stamp(db.session, tally)
    db.session.commit()
    return new


@pytest.fixture
def token_id(alice):
    return make_key(alice).key.token.id


def test_the_same_request_in_the_same_hour_is_one_row_however_often_it_is_written(token_id):
    now = utcnow()

    write(use(token_id, at=now), use(token_id, at=now), use(token_id, at=now, status=403, code="ability_required"))
    write(use(token_id, at=now))

    counted = db.session.execute(select(KeyUse.status, KeyUse.code, KeyUse.count).order_by(KeyUse.status)).all()
    assert counted == [(200, "", 3), (403, "ability_required", 1)]


def test_a_client_is_told_from_another_by_address_and_name(token_id):
    first = write(use(token_id), use(token_id, agent="python"))
    second = write(use(token_id), use(token_id, address="203.0.113.8", status=404, code="not_found"))

    clients = db.session.scalars(select(KeyClient).order_by(KeyClient.address, KeyClient.user_agent)).all()
    assert (first, second) == (["203.0.113.7"] * 2, ["203.0.113.8"])
    assert [(each.address, each.user_agent, each.count) for each in clients] == [
        ("203.0.113.7", CURL, 2),
        ("203.0.113.7", "python", 1),
        ("203.0.113.8", CURL, 1),
    ]
    assert (clients[2].last_status, clients[2].last_code) == (404, "not_found")


def test_of_many_clients_those_seen_last_are_kept_and_every_request_is_counted(token_id):
    for hour in range(4):
        at = utcnow() + timedelta(minutes=hour)
        write(*(use(token_id, at=at, address=f"198.51.{hour}.{number}") for number in range(30)))

    assert db.session.scalar(select(func.count()).select_from(KeyClient)) == MOST_CLIENTS
    assert db.session.scalars(select(KeyClient.address).where(KeyClient.address.like("198.51.3.%"))).all().__len__() == 30
    assert db.session.scalar(select(func.sum(KeyUse.count))) == 120


def test_one_flush_with_more_clients_than_are_kept_counts_all_requests(token_id):
    write(*(use(token_id, address=f"198.51.{number // 250}.{number % 250}") for number in range(300)))

    assert db.session.scalar(select(func.count()).select_from(KeyClient)) == MOST_CLIENTS
    assert db.session.scalar(select(func.sum(KeyUse.count))) == 300


def test_tokens_that_are_gone_cost_no_other(token_id):
    new = write(use(token_id + 1000), use(token_id))

    assert new == ["203.0.113.7"]
    assert db.session.scalars(select(KeyUse.token_id)).all() == [token_id]


def test_a_former_token_is_counted_and_its_last_use_stays(alice):
    issued = make_key(alice)
    former = issued.key.token.id
    issued.key.rotate(db.session, replacing=former, by=alice.actor)
    db.session.commit()

    write(use(former, status=401, code="token_rotated", live=False))

    assert db.session.get_one(Token, former).last_used_at is None
    assert db.session.scalar(select(KeyUse.code)) == "token_rotated"


def test_a_first_use_and_the_last_one_are_noted(token_id):
    first, second = utcnow() - timedelta(minutes=5), utcnow()

    write(use(token_id, at=first))
    write(use(token_id, at=second))

    token = db.session.get_one(Token, token_id)
    assert (token.first_used_at, token.last_used_at) == (first, second)


def test_what_is_older_than_thirty_days_is_swept(token_id):
    old = utcnow() - timedelta(days=32)
    write(use(token_id, at=old), use(token_id, agent="new"))

    removed = sweep(db.session)
    again = sweep(db.session)
    db.session.commit()

    assert (removed, again) == (2, 0)
    assert db.session.scalars(select(KeyClient.user_agent)).all() == ["new"]
    assert db.session.scalar(select(func.sum(KeyUse.count))) == 1


def test_a_tally_is_written_in_parts_of_whole_tokens_in_order():
    tokens = range(2 * AT_ONCE + 1)
    tally = added_up(use(token_id, status=status) for token_id in reversed(tokens) for status in (200, 403))

    parts = list(tally.parts())

    assert [token_id for part in parts for token_id in part.by_token] == list(tokens)
    assert [part.counts for part in parts] == [AT_ONCE] * 4 + [2]
    assert sum(part.requests for part in parts) == 2 * len(tokens)


def test_many_clients_make_a_part_full_too():
    tokens = range(2 * AT_ONCE // MOST_CLIENTS)
    tally = added_up(use(token_id, address=f"198.51.100.{n}") for token_id in tokens for n in range(MOST_CLIENTS))

    parts = [list(part.by_token) for part in tally.parts()]

    assert parts == [list(tokens[: len(tokens) // 2]), list(tokens[len(tokens) // 2 :])]


def test_a_part_that_is_done_with_leaves_the_others():
    tally = added_up(use(token_id) for token_id in range(AT_ONCE + 1))
    first, second = tally.parts()

    tally.remove(first)

    assert (list(tally.by_token), tally.counts) == (list(second.by_token), 1)
