"""The rows of one database, copied into another."""

from collections.abc import Iterable

from sqlalchemy import Connection, Table, delete, func, insert, select, text

from pulse.db import Base
from pulse.models.refusals import Refused
from pulse.models.team import Team
from pulse.models.user import User

BATCH = 500


def empty(target: Connection) -> None:
    """Clear the tables of a database nobody has an account in; raises `Refused` when somebody has."""
    if target.dialect.name == "postgresql":
        allow_time(target)
        target.execute(text("LOCK TABLE users, teams IN SHARE ROW EXCLUSIVE MODE"))
    if target.scalar(select(func.count(User.id))) or target.scalar(select(func.count(Team.id))):
        raise Refused("The database already has accounts. Restore into a new one: set PULSE_DATA or PULSE_DATABASE_URL.")
    for table in reversed(Base.metadata.sorted_tables):
        target.execute(delete(table))


def copy(source: Connection, target: Connection, tables: Iterable[Table]) -> None:
    """Copy all rows of some tables, and up to which id every table has counted."""
    for table in tables:
        rows = source.execute(select(table).execution_options(yield_per=BATCH)).mappings()
        for batch in rows.partitions():
            target.execute(insert(table), [dict(row) for row in batch])
    _set_counters(target, _counters(source))


def allow_time(connection: Connection) -> None:
    """Lift the limits that are meant for requests, for this transaction."""
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(text(f"SET LOCAL {limit} = 0"))


def _counters(connection: Connection) -> dict[str, int]:
    """Return the highest id each table ever gave out: deleted ones must not come back."""
    counted = [table.name for table in Base.metadata.sorted_tables if "id" in table.columns]
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
        return {name: last for name, last in rows if name in counted}
    return {name: _last_of_sequence(connection, name) for name in counted}


def _last_of_sequence(connection: Connection, table: str) -> int:
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, 'id')"), {"table": table})
    # The name comes quoted from the database itself.
    last, was_used = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608
    return last if was_used else 0


def _set_counters(connection: Connection, counters: dict[str, int]) -> None:
    given = [{"name": name, "last": last} for name, last in counters.items() if last]
    if not given:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), given)
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), given)
    else:
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), given)
