"""Reading what requests ask by the thousand: beside the session, without a transaction, and at a fraction of its cost."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect

from pulse.db import connect

Row = Sequence[Any]
Process = Callable[[Any], Any]


class Reader:
    """Hands each thread one kept AUTOCOMMIT connection: a read without the cost of checking one out."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url, read_only=True)
        self._threads = threading.local()
        self._questions: dict[Select[*tuple[Any, ...]], Question] = {}

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """Lend this thread's connection; one that fails is thrown away."""
        kept = self._kept()
        try:
            yield kept.connection
        except BaseException:
            self.discard()
            raise

    def cursor(self) -> Any:
        """Return a new cursor of the driver's on this thread's connection."""
        return self._kept().raw.cursor()

    def question(self, statement: Select[*tuple[Any, ...]]) -> "Question":
        """Return the question that a statement asks, which must be one and the same object each time."""
        if (made := self._questions.get(statement)) is None:
            made = self._questions[statement] = Question(self, statement)
        return made

    def discard(self) -> None:
        """Throw this thread's connection away: it may be dead."""
        kept: _Kept | None = getattr(self._threads, "kept", None)
        if kept is not None:
            kept.connection.invalidate()
            self.close()

    def _kept(self) -> "_Kept":
        kept: _Kept | None = getattr(self._threads, "kept", None)
        if kept is None:
            kept = self._threads.kept = _Kept(self.engine.connect())
        return kept

    def close(self) -> None:
        """Give this thread's connection back."""
        self._threads.__dict__.pop("kept", None)


class Question:
    """A statement asked over the driver's own cursor.

    It is compiled once, and is the same that SQLAlchemy would send at several times the cost. It gets a value for each
    parameter that has none of its own; raises SQLAlchemy's `DBAPIError`.
    """

    def __init__(self, reader: Reader, statement: Select[*tuple[Any, ...]]) -> None:
        self._reader = reader
        self._statement = statement
        dialect = reader.engine.dialect
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._order = compiled.positiontup if compiled.positional else None
        bound = {name: each.type.dialect_impl(dialect).bind_processor(dialect) for name, each in compiled.binds.items()}
        self._given = {name: process for name, process in bound.items() if process}
        self._constants = self._bound({name: value for name, value in compiled.params.items() if value is not None})
        columns = statement.selected_columns
        read = [_processor(column.type.dialect_impl(dialect), dialect) for column in columns]
        self._read = [(place, process) for place, process in enumerate(read) if process]
        self._names = tuple(columns.keys())
        self._failure: type[Exception] = dialect.loaded_dbapi.Error

    def first(self, **values: Any) -> Row | None:
        """Return the first row."""
        try:
            cursor = self._sent(values)
            row = cursor.fetchone()
            cursor.close()
        except self._failure:
            return next(iter(self._again(values)), None)
        return None if row is None else self._decoded(row)

    def all(self, **values: Any) -> list[dict[str, Any]]:
        """Return all rows, by their columns' names."""
        try:
            cursor = self._sent(values)
            rows = [self._decoded(row) for row in cursor.fetchall()]
            cursor.close()
        except self._failure:
            rows = self._again(values)
        return [dict(zip(self._names, row, strict=True)) for row in rows]

    def _sent(self, values: dict[str, Any]) -> Any:
        """Send the statement, and return its cursor."""
        if self._given or self._constants:
            values = self._constants | self._bound(values)
        cursor = self._reader.cursor()
        cursor.execute(self._sql, [values[name] for name in self._order] if self._order else values)
        return cursor

    def _bound(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values as the driver takes them."""
        return {name: self._given[name](value) if name in self._given else value for name, value in values.items()}

    def _again(self, values: dict[str, Any]) -> Sequence[Row]:
        """Ask once more: the kept connection may be dead, and a new one is worth one try, by the way that names what is wrong."""
        self._reader.discard()
        with self._reader.connection() as connection:
            return connection.execute(self._statement, values).all()

    def _decoded(self, row: Row) -> Row:
        decoded = list(row)
        for place, process in self._read:
            decoded[place] = process(decoded[place])
        return decoded


def _processor(kind: Any, dialect: Dialect) -> Process | None:
    return kind.result_processor(dialect, None)


class _Kept:
    """A thread's connection; it goes back to the pool when the thread ends."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.raw: Any = connection.connection.dbapi_connection

    def __del__(self) -> None:
        self.connection.close()
