"""The whole database in one file, and back.

The file is an SQLite database with the same tables, whichever database it comes from: so it can be restored into either,
and one of an older version is migrated on the way.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Connection, Table, delete, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from pulse import schema
from pulse.db import Base, connect
from pulse.models.api_key import ApiKey
from pulse.models.event import About, Actor, Event
from pulse.models.invitation import Invitation
from pulse.models.mailed_link import MailedLink
from pulse.models.monitor import Monitor
from pulse.models.outbox import Message
from pulse.models.refusals import Refused
from pulse.models.session import BrowserSession
from pulse.models.team import Team
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.vault import Unreadable, Vault

OF_THE_MOMENT = {table.__tablename__ for table in (Invitation, MailedLink, Message, Throttle)}
"""Not restored: a link that was followed would work again, a mail that was sent would go out again."""
BATCH = 500
HEADER = b"SQLite format 3\0"


class BadFile(Refused):
    """The file cannot be written, or is nothing to restore from."""


@dataclass(frozen=True, slots=True)
class Restored:
    """How much a restored database holds."""

    users: int
    keys: int
    monitors: int


def write(url: str, file: Path) -> None:
    """Copy the database as it is at one moment, while others write, to a new file that its owner alone can read.

    The file appears whole or not at all; raises `BadFile` when there is one already, or it cannot be written.
    """
    try:
        with TemporaryDirectory(prefix=".pulse-backup-", dir=file.absolute().parent) as folder:
            whole = Path(folder) / "whole"
            _copy_out(url, whole)
            _publish(whole, file)
    except FileExistsError as error:
        raise BadFile(f"{file} already exists. Choose another name.") from error
    except OSError as error:
        raise BadFile(f"{file} cannot be written: {error.strerror}.") from error


def read(url: str, file: Path, workspace: Path, *, keep_sessions: bool, by: Actor) -> Restored:
    """Fill the migrated but empty database with what a backup holds, in one transaction; the file stays as it is.

    Raises `BadFile` before anything is touched when the file is damaged or no backup, `Refused` when there are accounts.
    """
    left_out = OF_THE_MOMENT if keep_sessions else OF_THE_MOMENT | {BrowserSession.__tablename__}
    tables = [table for table in Base.metadata.sorted_tables if table.name not in left_out]
    with TemporaryDirectory(prefix="restore-", dir=workspace) as folder:
        copy = _checked_copy(file, Path(folder) / "copy")
        source_engine, engine = connect(copy), connect(url)
        try:
            with source_engine.begin() as source, engine.begin() as target:
                _empty(target)
                _copy_rows(source, target, tables)
                _set_counters(target, _counters(source))
                return _note(target, file, by)
        finally:
            source_engine.dispose()
            engine.dispose()


def unreadable(url: str, vault: Vault) -> int:
    """Return how many monitors hold something that was sealed under a secret the vault does not have."""
    engine = connect(url, read_only=True)
    try:
        with engine.connect() as connection:
            sealed = select(Monitor.headers_sealed, Monitor.body_sealed, Monitor.auth_sealed)
            return sum(not all(_opens(vault, each) for each in row) for row in connection.execute(sealed))
    finally:
        engine.dispose()


# --- the file --------------------------------------------------------------------------------------------------


def _copy_out(url: str, whole: Path) -> None:
    if make_url(url).get_backend_name() != "sqlite":
        rows = _address(whole.with_name("rows"))
        _copy_snapshot(url, rows)
        url = rows
    # It takes an empty file; so the mode is right from the first byte.
    os.close(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    engine = connect(url, read_only=True)
    try:
        with engine.connect() as connection:
            connection.execute(text("VACUUM INTO :file"), {"file": str(whole)})
    finally:
        engine.dispose()


def _copy_snapshot(url: str, rows: str) -> None:
    """Copy PostgreSQL's rows, all as they are at one moment, into a new SQLite database."""
    schema.migrate(rows)
    source_engine, engine = connect(url), connect(rows)
    try:
        with source_engine.connect() as source, engine.begin() as target:
            source.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            _allow_time(source)
            _copy_rows(source, target, Base.metadata.sorted_tables)
            _set_counters(target, _counters(source))
    finally:
        source_engine.dispose()
        engine.dispose()


def _publish(whole: Path, file: Path) -> None:
    """Give the file its name once it is on the disk; raises FileExistsError rather than replace one."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with whole.open("rb") as handle:
            os.fsync(handle.fileno())
        whole.replace(file)
    except BaseException:
        file.unlink()
        raise


def _checked_copy(file: Path, copy: Path) -> str:
    """Return the address of a copy that is whole and has this version's schema."""
    try:
        copy.touch(0o600)
        shutil.copyfile(file, copy)
    except OSError as error:
        raise BadFile(f"{file} cannot be read: {error.strerror}.") from error
    _check(file, copy)
    address = _address(copy)
    engine = connect(address, read_only=True)
    try:
        with engine.connect() as connection:
            revision = schema.current(connection)
    finally:
        engine.dispose()
    if revision is None:
        raise BadFile(f"{file} is not a Pulse backup.")
    if not schema.is_known(revision):
        raise BadFile(f"{file} was made by a newer version of Pulse. Restore it with that version, or a newer one.")
    schema.migrate(address)
    return address


def _check(file: Path, copy: Path) -> None:
    with copy.open("rb") as handle:
        if handle.read(len(HEADER)) != HEADER:
            raise BadFile(f"{file} is not a Pulse backup.")
    try:
        with closing(sqlite3.connect(copy)) as connection:
            faults = [row for row in connection.execute("PRAGMA integrity_check") if row != ("ok",)]
            faults += connection.execute("PRAGMA foreign_key_check")
    except sqlite3.DatabaseError as error:
        raise BadFile(f"{file} is damaged: {error}.") from error
    if faults:
        raise BadFile(f"{file} is damaged. Use an older backup.")


def _address(file: Path) -> str:
    return URL.create("sqlite", database=str(file)).render_as_string()


# --- the rows --------------------------------------------------------------------------------------------------


def _empty(target: Connection) -> None:
    """Clear the tables of a database nobody has an account in; raises `Refused` when somebody has."""
    if target.dialect.name == "postgresql":
        _allow_time(target)
        target.execute(text("LOCK TABLE users, teams IN SHARE ROW EXCLUSIVE MODE"))
    if target.scalar(select(func.count(User.id))) or target.scalar(select(func.count(Team.id))):
        raise Refused("The database already has accounts. Restore into a new one: set PULSE_DATA or PULSE_DATABASE_URL.")
    for table in reversed(Base.metadata.sorted_tables):
        target.execute(delete(table))


def _copy_rows(source: Connection, target: Connection, tables: Iterable[Table]) -> None:
    for table in tables:
        rows = source.execute(select(table).execution_options(yield_per=BATCH)).mappings()
        for batch in rows.partitions():
            target.execute(insert(table), [dict(row) for row in batch])


def _allow_time(connection: Connection) -> None:
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


def _note(target: Connection, file: Path, by: Actor) -> Restored:
    """Write the restoring into the restored trail; return what there is."""
    with Session(target, join_transaction_mode="rollback_only") as session:
        Event.record(session, "backup.restored", by, About(detail={"file": file.name}))
        session.flush()
        users, monitors = (session.scalar(select(func.count(each.id))) or 0 for each in (User, Monitor))
        keys = session.scalar(select(func.count(ApiKey.id)).where(ApiKey.revoked_at.is_(None))) or 0
        session.commit()
    return Restored(users, keys, monitors)


def _opens(vault: Vault, sealed: bytes | None) -> bool:
    try:
        if sealed is not None:
            vault.open(sealed)
    except Unreadable:
        return False
    return True
