"""Every request that names a token is counted, beside the request and never in its way."""

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DataError, OperationalError

from pulse import tokens
from pulse.abilities import Ability
from pulse.api.uses import UseWriter
from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db
from pulse.models.api_key import Token
from pulse.models.key_counting import Use
from pulse.models.key_use import KeyClient, KeyUse
from tests.factories import make_key


def counted(app):
    app.extensions["pulse.uses"].flush()
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
    """An engine of the test's own."""
    made = connect(settings.database)
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


def test_ending_the_process_writes_what_waits(app, engine, token_id):
    db.session.rollback()
    writer = UseWriter(engine)
    writer.note(use(token_id), at_once=False)

    writer.close()

    assert counted(app) == [("GET /key", "", 200, "", 1)]


def test_a_first_use_is_written_without_waiting_for_the_next_flush(app, api, alice, monkeypatch):
    monkeypatch.setattr("pulse.api.uses.FLUSH_SECONDS", 3600)
    issued = make_key(alice)
    api.get("/key", issued.token)

    app.extensions["pulse.uses"].flush()
    db.session.rollback()

    assert db.session.get_one(Token, issued.key.token.id).first_used_at is not None
