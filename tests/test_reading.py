"""Questions over the driver's own cursor: the same answers as SQLAlchemy's, whatever becomes of the connection."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Integer, String, bindparam, column, literal, null, select, table
from sqlalchemy.exc import DBAPIError

from pulse.clock import iso, utcnow
from pulse.extensions import db, services
from pulse.json_columns import json_column
from pulse.models.api_key import ApiKey
from pulse.reading import Reader, records_of
from tests.factories import make_key

KEYS = (
    select(ApiKey.id, ApiKey.name, ApiKey.ability_names, ApiKey.created_at, ApiKey.expires_at)
    .where(ApiKey.user_id == bindparam("user_id"), ApiKey.created_at > bindparam("after"))
    .where(ApiKey.name != "Other", ApiKey.created_at > datetime(2020, 1, 1, tzinfo=UTC))
    .order_by(ApiKey.id)
    .limit(bindparam("most", type_=Integer))
)


@pytest.fixture
def asked(alice):
    for name in ("One", "Other", "Two"):
        make_key(alice, name=name)
    values = {"user_id": alice.user_id, "after": utcnow() - timedelta(hours=1), "most": 10}
    rows = [dict(row) for row in db.session.execute(KEYS, values).mappings()]
    assert [row["name"] for row in rows] == ["One", "Two"]
    db.session.rollback()
    return values, rows


def test_rows_come_as_sqlalchemy_would_return_them(asked):
    values, rows = asked
    question = services().reader.question(KEYS)

    assert question.all(**values) == rows
    assert list(question.first(**values) or ()) == list(rows[0].values())
    assert question.all(**values | {"most": 1}) == rows[:1]
    assert question.all(**values | {"after": utcnow() + timedelta(hours=1)}) == []
    assert question.first(**values | {"user_id": 2**40}) is None


def test_columns_of_a_part_come_as_a_record_within_it(app):
    rows = select(literal(1).label("id"), literal(2).label("last.id"), bindparam("name", type_=String).label("last.name"))
    absent = select(literal(1).label("id"), null().label("last.id"), literal("x").label("last.name"))
    reader = services().reader

    assert reader.question(rows).all(name="y") == [{"id": 1, "last": {"id": 2, "name": "y"}}]
    assert reader.question(absent).all() == [{"id": 1, "last": None}]
    assert [records_of(("id", "last.id"))(row) for row in ((1, 2), (1, None))] == [
        {"id": 1, "last": {"id": 2}},
        {"id": 1, "last": None},
    ]


def test_what_is_only_told_comes_as_it_is_told(asked, alice):
    key = make_key(alice, name="Three", expires_in=timedelta(days=1)).key
    key.expires_at = utcnow().replace(microsecond=0) + timedelta(days=1)
    db.session.commit()
    facts = [*map(json_column, (ApiKey.created_at, ApiKey.expires_at, ApiKey.revoked_at, ApiKey.ability_names)), ApiKey.id]
    statement = select(*facts).where(ApiKey.id == bindparam("id"))

    found = [services().reader.question(statement).all(id=key.id), db.session.execute(statement, {"id": key.id}).mappings().all()]

    expected = {"created_at": iso(key.created_at), "expires_at": iso(key.expires_at), "revoked_at": None, "id": key.id}
    assert found[0] == found[1] == [expected | {"ability_names": key.ability_names}]
    assert found[0][0]["expires_at"].endswith(".000Z")


def test_what_was_committed_is_seen_by_the_next_question(asked, alice):
    values, rows = asked
    question = services().reader.question(KEYS)
    before = len(question.all(**values))

    make_key(alice, name="Three")

    assert (before, len(question.all(**values))) == (len(rows), len(rows) + 1)


@pytest.mark.parametrize("way", ["first", "all"])
def test_a_dead_connection_is_replaced(asked, way):
    values, rows = asked
    reader = services().reader
    question = reader.question(KEYS)
    question.all(**values)
    reader.kept().connection.connection.dbapi_connection.close()

    found = getattr(question, way)(**values)

    assert (list(found) if way == "first" else found) == (list(rows[0].values()) if way == "first" else rows)
    assert question.all(**values) == rows


def test_a_connection_that_another_thread_had_is_used_as_it_is(asked):
    values, rows = asked
    # Of its own: the pool of the app's may hold several, and lend another.
    reader = Reader(services().settings.database, threads=1)
    question = reader.question(KEYS)
    assert question.all(**values) == rows
    lent = reader.kept().connection.connection.dbapi_connection

    reader.close()

    assert question.all(**values) == rows
    assert reader.kept().connection.connection.dbapi_connection is lent
    reader.close()
    reader.engine.dispose()


def test_each_thread_has_a_connection_of_its_own_however_many_there_are(app):
    reader = Reader(services().settings.database, threads=40)
    all_there = threading.Barrier(40)

    def keep(_):
        kept = reader.kept()
        all_there.wait(timeout=30)
        reader.close()
        return id(kept)

    with ThreadPoolExecutor(40) as pool:
        connections = set(pool.map(keep, range(40)))

    assert len(connections) == 40
    reader.engine.dispose()


@pytest.mark.parametrize("way", ["first", "all"])
def test_what_is_wrong_is_named_as_elsewhere(app, way):
    question = services().reader.question(select(column("id")).select_from(table("no_such_table")))

    with pytest.raises(DBAPIError, match="no_such_table"):
        getattr(question, way)()
