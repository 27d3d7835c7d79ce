"""The file of a backup: an SQLite database that appears whole or not at all, and is checked before it is trusted."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, text
from sqlalchemy.engine import make_url

from pulse import schema
from pulse.backup import rows
from pulse.db import Base, connected
from pulse.models.refusals import Refused

HEADER = b"SQLite format 3\0"


class BadFile(Refused):
    """The file cannot be written, or is nothing to restore from."""


def copy_out(url: str, whole: Path) -> None:
    """Copy the database as it is at one moment to a new file that its owner alone can read."""
    if make_url(url).get_backend_name() != "sqlite":
        snapshot = _address(whole.with_name("rows"))
        _copy_snapshot(url, snapshot)
        url = snapshot
    # It takes an empty file; so the mode is right from the first byte.
    os.close(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with connected(url, read_only=True) as engine, engine.connect() as connection:
        connection.execute(text("VACUUM INTO :file"), {"file": str(whole)})


def _copy_snapshot(url: str, copy: str) -> None:
    """Copy PostgreSQL's rows, all as they are at one moment, into a new SQLite database."""
    schema.migrate(copy)
    with connected(url) as source_engine, connected(copy) as engine:
        with source_engine.connect() as source, engine.begin() as target:
            source.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            rows.allow_time(source)
            rows.copy(source, target, Base.metadata.sorted_tables)


def publish(whole: Path, file: Path) -> None:
    """Give the file its name once it is on the disk; raises FileExistsError rather than replace one."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with whole.open("rb") as handle:
            os.fsync(handle.fileno())
        whole.replace(file)
    except BaseException:
        file.unlink()
        raise


def checked_copy(file: Path, copy: Path) -> str:
    """Return the address of a copy that is whole and has this version's schema."""
    try:
        copy.touch(0o600)
        shutil.copyfile(file, copy)
    except OSError as error:
        raise BadFile(f"{file} cannot be read: {error.strerror}.") from error
    _check(file, copy)
    address = _address(copy)
    revision = schema.revision_of(address)
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
