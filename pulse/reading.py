"""Reading what requests ask by the thousand: beside the session, without a transaction, and at a fraction of its cost."""

import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect

from pulse.db import connect

Row = Sequence[Any]
Process = Callable[[Any], Any]


class Reader:
    """Hands each thread one kept AUTOCOMMIT connection: a read without the cost of checking one out."""

    def __init__(self, url: str, threads: int) -> None:
        self.engine = connect(url, read_only=True, threads=threads)
        spoken = self.engine.dialect
        numbered: Any = type(spoken)
        self.words: Dialect = spoken if spoken.name == "sqlite" else numbered(paramstyle="numeric_dollar")
        """How statements are written for a `Wire`: with places for values as the server itself knows them."""
        self._threads = threading.local()
        self._questions: dict[Select[*tuple[Any, ...]], Question] = {}

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """Lend this thread's connection; one that fails is thrown away."""
        kept = self.kept()
        try:
            yield kept.connection
        except BaseException:
            self.discard()
            raise

    def question(self, statement: Select[*tuple[Any, ...]]) -> "Question":
        """Return the question that a statement asks, which must be one and the same object each time."""
        if (made := self._questions.get(statement)) is None:
            made = self._questions[statement] = Question(self, statement)
        return made

    def discard(self) -> None:
        """Throw this thread's connection away: it may be dead."""
        kept: Kept | None = self._threads.__dict__.get("kept")
        if kept is not None:
            kept.connection.invalidate()
            self.close()

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """Return a statement's rows as the driver has them."""
        return self.kept().wire.rows(sql, values)

    def kept(self) -> "Kept":
        """Return this thread's connection."""
        kept: Kept | None = self._threads.__dict__.get("kept")
        if kept is None:
            kept = self._threads.kept = Kept(self.engine.connect())
        return kept

    def close(self) -> None:
        """Give this thread's connection back."""
        self._threads.__dict__.pop("kept", None)


class Question:
    """A statement asked past SQLAlchemy, by the driver's shortest way.

    It is compiled once, and is the same that SQLAlchemy would send at several times the cost. It gets a value for each
    parameter that has none of its own; raises SQLAlchemy's `DBAPIError`.
    """

    def __init__(self, reader: Reader, statement: Select[*tuple[Any, ...]]) -> None:
        self._reader = reader
        self._statement = statement
        dialect = reader.engine.dialect
        compiled = statement.compile(dialect=reader.words)
        self._sql = str(compiled)
        given = {name: each.type.dialect_impl(dialect).bind_processor(dialect) for name, each in compiled.binds.items()}
        self._slots = [_Slot(name, compiled.params[name], given[name]) for name in compiled.positiontup or ()]
        columns = statement.selected_columns
        read = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._names = tuple(columns.keys())
        self._places = [(place, process) for place, process in enumerate(read) if process]
        self._record = record_maker(self._names, read)
        self._failure: type[Exception] = dialect.loaded_dbapi.Error

    def first(self, **values: Any) -> Row | None:
        """Return the first row."""
        try:
            rows = self._sent(values)
        except self._failure:
            return next(iter(self._again(values)), None)
        if not rows:
            return None
        row = list(rows[0])
        for place, process in self._places:
            if (value := row[place]) is not None:
                row[place] = process(value)
        return row

    def all(self, **values: Any) -> list[dict[str, Any]]:
        """Return all rows, by their columns' names."""
        try:
            rows = self._sent(values)
        except self._failure:
            return list(map(records_of(self._names), self._again(values)))
        return list(map(self._record, rows))

    def _sent(self, values: dict[str, Any]) -> Sequence[Row]:
        """Send the statement, and return its rows as the driver has them."""
        return self._reader.rows(self._sql, [slot.filled(values) for slot in self._slots])

    def _again(self, values: dict[str, Any]) -> Sequence[Row]:
        """Ask once more: the kept connection may be dead, and a new one is worth one try, by the way that names what is wrong."""
        self._reader.discard()
        with self._reader.connection() as connection:
            return connection.execute(self._statement, values).all()


def record_maker(names: Sequence[str], processes: Sequence[Process | None] = ()) -> Callable[[Row], dict[str, Any]]:
    """Return what makes a record, by names, of a row whose values are to be processed so.

    Columns called `part.name` become a record within it, which is `None` where the first of them is. It is written out and
    compiled, as for a named tuple: going through the columns of each row would cost half as much again.
    """
    used = {f"process_{place}": process for place, process in enumerate(processes) if process}
    values: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    for place, name in enumerate(names):
        value = f"row[{place}]"
        told = f"None if {value} is None else process_{place}({value})" if f"process_{place}" in used else value
        part, _, own = name.rpartition(".")
        parts.setdefault(part, value)
        values.setdefault(part, []).append(f"{own!r}: {told}")
    within = [f"{part!r}: None if {parts[part]} is None else {{{', '.join(values[part])}}}" for part in parts if part]
    record = ", ".join([*values.get("", []), *within])
    return eval(f"lambda row: {{{record}}}", used)  # noqa: S307 - made of our own columns' names


@cache
def records_of(names: tuple[str, ...]) -> Callable[[Row], dict[str, Any]]:
    """Return what makes a record of a row whose values SQLAlchemy has processed."""
    return record_maker(names)


class _Slot:
    """A parameter's place in a statement."""

    __slots__ = ("_constant", "_name", "_process")

    def __init__(self, name: str, constant: Any, process: Process | None) -> None:
        self._name = name
        self._process = process
        self._constant = process(constant) if process and constant is not None else constant

    def filled(self, values: dict[str, Any]) -> Any:
        """Return its value, as the driver takes it."""
        if self._constant is not None:
            return self._constant
        value = values[self._name]
        return self._process(value) if self._process else value


class SqliteWire:
    """A connection of the standard library's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """Return the rows of a statement; raises `sqlite3.Error`."""
        return self._execute(sql, values).fetchall()


class Wire(Protocol):
    """A driver's connection, by its shortest way."""

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """Return the rows of a statement with these values; raises the driver's error."""
        ...


class Kept:
    """A thread's connection; it goes back to the pool when the thread ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Kept beside the driver's connection, on which statements stay prepared when the pool lends it to another thread.
        wire: Wire | None = connection.info.get("wire")
        self.wire: Wire = wire or connection.info.setdefault("wire", _wire(connection))

    def __del__(self) -> None:
        self.connection.close()


def _wire(connection: Connection) -> Wire:
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return SqliteWire(raw)
    from pulse.wire import PsycopgWire  # noqa: PLC0415 - the driver is an extra

    return PsycopgWire(raw)
