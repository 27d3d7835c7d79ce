"""Every request that names a token is counted, beside the request and never in its way."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import count
from time import monotonic

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import DataError, OperationalError

from pulse import tokens
from pulse.abilities import Ability
from pulse.api.uses import BETWEEN_SECONDS, UseWriter
from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db, services
from pulse.models.key_counting import AT_ONCE, Use
from pulse.models.key_use import KeyClient, KeyUse
from pulse.models.token import Token
from tests.factories import make_key
from tests.helpers import eventually


def counted(app):
    services().uses.flush()
    db.session.rollback()
    rows = select(KeyUse.operation, KeyUse.ability, KeyUse.status, KeyUse.code, func.sum(KeyUse.count))
    return [
        tuple(row) for row in db.session.execute(rows.group_by(*rows.selected_columns[:4]).order_by(*rows.selected_columns[:4]))
    ]


def test_each_request_is_counted_by_operation_and_outcome(app, api, alice):
    token = make_key(alice, Ability.MONITORS_READ).token

    for path in ("/monitors", "/monitors", "/monitors/4711", "/incidents", "/nowhere"):
        api.get(path, token)
    api.call("POST", "/monitors/1/pause", token)

    assert counted(app) == [
        ("", "", 404, "not_found", 1),
        ("GET /incidents", "incidents:read", 403, "ability_required", 1),
        ("GET /monitors", "monitors:read", 200, "", 2),
        ("GET /monitors/{monitor_id}", "monitors:read", 404, "not_found", 1),
        ("POST /monitors/{monitor_id}/pause", "monitors:write", 403, "ability_required", 1),
    ]


def test_strangers_are_not_counted(app, api, alice):
    make_key(alice)

    api.get("/key")
    api.get("/key", "nonsense")
    api.get("/key", tokens.mint())

    assert counted(app) == []


def test_tries_with_a_former_token_are_counted_apart(app, api, alice):
    issued = make_key(alice)
    former = issued.key.token.id
    new = api.post("/key/rotate", issued.token).get_json()["token"]

    api.get("/key", issued.token, headers={"User-Agent": "old-script"})
    api.get("/key", new)

    assert counted(app) == [
        ("GET /key", "", 200, "", 1),
        ("GET /key", "", 401, "token_rotated", 1),
        ("POST /key/rotate", "key:rotate", 200, "", 1),
    ]
    knocking = db.session.scalars(select(KeyClient).where(KeyClient.token_id == former, KeyClient.last_status == 401)).one()
    assert (knocking.user_agent, knocking.address, knocking.last_code) == ("old-script", "127.0.0.1", "token_rotated")


def test_a_client_that_calls_itself_anything_is_kept_within_bounds(app, api, alice):
    token = make_key(alice).token

    assert api.get("/key", token, headers={"User-Agent": "\xe9" * 5000}).status_code == 200
    assert api.get("/key", token, headers={"User-Agent": ""}).status_code == 200

    counted(app)
    assert sorted(len(each) for each in db.session.scalars(select(KeyClient.user_agent))) == [0, 200]


@pytest.fixture
def engine(settings):
    """An engine of the test's own; SQLite takes as many values in a statement as its makers have it, for Debian's takes more."""
    made = connect(settings.database)
    if made.dialect.name == "sqlite":
        most = (sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)
        event.listen(made, "connect", lambda connection, _: connection.setlimit(*most))
    yield made
    made.dispose()


@pytest.fixture
def token_id(alice):
    return make_key(alice).key.token.id


def use(token_id):
    return Use(token_id, utcnow(), "GET /key", "", 200, "", "203.0.113.7", "curl", live=True)


def test_an_outage_of_the_database_is_waited_out_and_loses_nothing(app, engine, token_id, monkeypatch, capfd):
    monkeypatch.setattr("pulse.api.uses.RETRY_SECONDS", 0.01)
    db.session.rollback()
    outage = iter(range(3))

    def fail(*_):
        if next(outage, None) is not None:
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))

    event.listen(engine, "before_cursor_execute", fail)
    writer = UseWriter(engine)

    for _ in range(5):
        writer.note(use(token_id), at_once=True)
    writer.flush()
    writer.close()

    assert counted(app) == [("GET /key", "", 200, "", 5)]
    assert "uses_not_written" in capfd.readouterr().out


def test_what_the_database_never_takes_is_dropped_and_the_next_are_counted(app, engine, token_id, capfd):
    db.session.rollback()
    broken = iter(range(1))

    def fail(*_):
        if next(broken, None) is not None:
            raise DataError("INSERT", {}, Exception("out of range"))

    event.listen(engine, "before_cursor_execute", fail)
    writer = UseWriter(engine)

    writer.note(use(token_id), at_once=True)
    writer.flush()
    writer.note(use(token_id), at_once=True)
    writer.close()

    assert counted(app) == [("GET /key", "", 200, "", 1)]
    assert "uses_dropped" in capfd.readouterr().out


@pytest.fixture
def token_ids(alice):
    """Those of three tokens, in order."""
    return [make_key(alice, name=f"Key {number}").key.token.id for number in range(3)]


def fill_part(writer, token_id, status=200):
    """Note so many different uses of a token that they are written in a transaction of their own."""
    for number in range(AT_ONCE):
        writer.note(use(token_id)._replace(operation=f"GET /{number}", status=status), at_once=False)


def counted_by_token():
    db.session.rollback()
    return dict(db.session.execute(select(KeyUse.token_id, func.sum(KeyUse.count)).group_by(KeyUse.token_id)).all())


def test_more_tokens_than_a_statement_can_name_are_all_counted(app, engine, alice, monkeypatch):
    monkeypatch.setattr("pulse.api.uses.BETWEEN_SECONDS", 0)
    key = make_key(alice).key
    first, now = key.token.id, utcnow()
    former = {"key_id": key.id, "last_eight": "", "issued_at": now, "retired_at": now, "reason": "rotated"}
    # More than PostgreSQL's protocol knows numbers for; most are gone, and must be looked for all the same.
    ids = range(first, first + 70_000)
    db.session.execute(insert(Token), [former | {"id": each, "digest": each.to_bytes(32)} for each in ids[1000::1000]])
    db.session.commit()
    writer = UseWriter(engine, every=3600)

    for each in ids:
        writer.note(use(each), at_once=False)
    writer.flush()
    writer.close()

    assert counted_by_token() == dict.fromkeys(ids[::1000], 1)


def test_what_the_database_never_takes_costs_only_its_part_of_a_tally(app, engine, token_ids, capfd):
    db.session.rollback()
    writer = UseWriter(engine, every=3600)

    for token_id, status in zip(token_ids, (200, 2**63, 200), strict=True):
        fill_part(writer, token_id, status)
    writer.flush()
    writer.close()

    assert counted_by_token() == {token_ids[0]: AT_ONCE, token_ids[2]: AT_ONCE}
    assert capfd.readouterr().out.count("uses_dropped") == 1


def test_an_outage_in_the_middle_of_a_tally_keeps_the_rest_and_writes_nothing_twice(app, engine, token_ids, monkeypatch, capfd):
    monkeypatch.setattr("pulse.api.uses.RETRY_SECONDS", 0.01)
    db.session.rollback()
    inserts = count()

    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO key_uses") and next(inserts) in (1, 2):
            raise OperationalError(statement, {}, Exception("the database is away"))

    event.listen(engine, "before_cursor_execute", fail)
    writer = UseWriter(engine, every=3600)

    for token_id in token_ids:
        fill_part(writer, token_id)
    writer.flush()
    writer.close()

    assert counted_by_token() == dict.fromkeys(token_ids, AT_ONCE)
    assert capfd.readouterr().out.count("uses_not_written") == 2


def test_between_two_parts_of_a_tally_others_get_to_write(app, engine, token_ids):
    db.session.rollback()
    begun, ended = [], []
    event.listen(engine, "begin", lambda _: begun.append(monotonic()))
    event.listen(engine, "commit", lambda _: ended.append(monotonic()))
    writer = UseWriter(engine, every=3600)

    for token_id in token_ids:
        fill_part(writer, token_id)
    writer.flush()
    writer.close()

    assert [after - before >= BETWEEN_SECONDS for before, after in zip(ended, begun[1:], strict=False)] == [True, True]


def test_ending_the_process_writes_what_waits(app, engine, token_id):
    db.session.rollback()
    writer = UseWriter(engine)
    writer.note(use(token_id), at_once=False)

    writer.close()

    assert counted(app) == [("GET /key", "", 200, "", 1)]


def first_use(token_id: int) -> datetime | None:
    """Look, and let go: on SQLite whoever has looked holds the lock that the writer waits for."""
    db.session.rollback()
    found = db.session.get_one(Token, token_id).first_used_at
    db.session.rollback()
    return found


def test_a_first_use_is_written_without_waiting_for_the_next_flush(app, api, alice, engine, monkeypatch):
    issued = make_key(alice)
    token_id = issued.key.token.id

    with closing(UseWriter(engine, every=3600)) as writer:
        monkeypatch.setitem(app.extensions, "pulse", replace(services(), uses=writer))
        api.get("/key", issued.token)

        # Nobody flushes: that would wake the writer too.
        eventually(lambda: first_use(token_id))
