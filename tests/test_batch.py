"""Statements for many rows, past SQLAlchemy's work for each: what is stored is what SQLAlchemy would have stored."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import DateTime

from pulse.batch import Batch
from pulse.clock import utcnow
from pulse.db import INSERTS, UTCDateTime
from pulse.extensions import db
from pulse.models.check import Check
from pulse.models.monitor import Monitor
from tests.monitors import make_monitor

PARIS = timezone(timedelta(hours=2))
MOMENTS = (
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 678000, PARIS),
    datetime(9, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
)
ADDED = {
    database: insert(Check).on_conflict_do_nothing(index_elements=(Check.monitor_id, Check.slot)).returning(Check.slot)
    for database, insert in INSERTS.items()
}
MOVED = update(Monitor).where(Monitor.id == bindparam("of"), Monitor.failures < 7)
STORED = text(
    "SELECT type, slot, checked_at, up, http_status_code, error, dns_us FROM checks WHERE monitor_id = :of ORDER BY slot"
)


@pytest.fixture
def connection(alice):
    return db.session.connection()


def rows(monitor_id: int, count: int = 3) -> list[dict[str, Any]]:
    begins = utcnow() - timedelta(hours=1)
    times = [(begins + timedelta(seconds=number)).astimezone(PARIS if number % 2 else UTC) for number in range(count)]
    facts = {"monitor_id": monitor_id, "type": "scheduled", "http_status_code": None, "error": "o'no ? %s :x"}
    return [facts | {"slot": at, "checked_at": at, "up": at.second % 2 == 0, "dns_us": 2**40} for at in times]


def stored(connection, monitor_id: int):
    return connection.execute(STORED, {"of": monitor_id}).all()


def test_what_is_written_is_what_sqlalchemy_writes(connection):
    mine, theirs = rows(10**6), rows(10**6 + 1)
    for row, other in zip(mine, theirs, strict=True):
        other |= {"slot": row["slot"], "checked_at": row["checked_at"], "up": row["up"]}

    Batch(ADDED).write(connection, mine)
    connection.execute(ADDED[connection.dialect.name], theirs)

    assert len(stored(connection, 10**6)) == 3
    assert stored(connection, 10**6) == stored(connection, 10**6 + 1)


def test_an_insert_of_many_rows_returns_those_that_are_new(connection):
    adding, sent = Batch(ADDED), rows(10**6, 200)
    adding.insert(connection, sent[:50])

    new = [row.slot for row in adding.insert(connection, sent)]

    assert len(new) == 150
    assert len(stored(connection, 10**6)) == 200


def test_an_update_takes_rows_of_any_names_and_finds_each_its_row(alice):
    one, other, kept = (make_monitor(alice).id for _ in range(3))
    connection = db.session.connection()
    moving, at = Batch(dict.fromkeys(INSERTS, MOVED)), datetime(2026, 1, 2, 3, 4, 5, 678000, PARIS)

    moving.write(connection, [{"of": one, "failures": 3}, {"of": other, "failures": 4}])
    moving.write(connection, [{"of": one, "failures": 8, "last_checked_at": at}])
    moving.write(connection, [{"of": one, "failures": 1}])

    query = select(Monitor.id, Monitor.failures, Monitor.last_checked_at).order_by(Monitor.id)
    assert connection.execute(query).all() == [(one, 8, at), (other, 4, None), (kept, 0, None)]


def test_what_the_database_refuses_raises_as_sqlalchemy_does_and_tells_no_parameter(connection):
    with pytest.raises(DBAPIError) as refused:
        Batch(ADDED).insert(connection, [rows(10**6, 1)[0] | {"type": None, "error": "a secret"}])
    db.session.rollback()

    assert refused.value.params is not None
    assert "parameters hidden" in str(refused.value)


def test_a_time_is_stored_in_sqlite_as_sqlalchemy_stores_it_and_a_naive_one_is_refused():
    dialect = sqlite_dialect()
    ours, theirs = (kind.dialect_impl(dialect).bind_processor(dialect) for kind in (UTCDateTime(), DateTime()))
    assert ours
    assert theirs

    assert [ours(each) for each in MOMENTS] == [theirs(each.astimezone(UTC).replace(tzinfo=None)) for each in MOMENTS]
    assert ours(None) is None
    with pytest.raises(ValueError, match="without a zone"):
        ours(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault
