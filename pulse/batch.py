"""Writing many rows with one statement, past what SQLAlchemy does for each of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

PARAMSTYLES = {"sqlite": "qmark", "postgresql": "format"}
"""By a database's name: how a statement shows the places for its values, which then are sent in their order."""

Row = Mapping[str, Any]
"""Values by the names of their columns, or of a statement's parameters."""


class Batch:
    """A statement for many rows, compiled once for rows with the same names.

    SQLAlchemy goes through all parameters anew for each row, which costs more than writing it.
    """

    def __init__(self, statements: Mapping[str, Executable]) -> None:
        self._statements = statements
        """By the database's name."""
        self._forms: dict[tuple[str, ...], Form] = {}

    def write(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Execute the statement for each row, of which there is one at least; raises SQLAlchemy's `DBAPIError`."""
        form = self._form(connection, rows)
        connection.exec_driver_sql(form.sql, list(map(form.values, rows)))

    def insert(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        """Execute an INSERT once, with all rows; return what it returns of those that are new.

        Each row's values are values of the one statement, of which SQLite takes 32,766 and PostgreSQL 65,535.
        """
        form = self._form(connection, rows)
        values = tuple(value for row in rows for value in form.values(row))
        return connection.exec_driver_sql(form.with_rows(len(rows)), values)

    def _form(self, connection: Connection, rows: Sequence[Row]) -> "Form":
        database = connection.dialect.name
        asked = (database, *rows[0])
        if (made := self._forms.get(asked)) is None:
            made = self._forms[asked] = Form(self._statements[database], list(rows[0]), connection.dialect)
        return made


class Form:
    """A statement as a driver takes it."""

    def __init__(self, statement: Executable, names: list[str], dialect: Dialect) -> None:
        styled: Any = type(dialect)
        made: Any = statement
        compiled: SQLCompiler = made.compile(dialect=styled(paramstyle=PARAMSTYLES[dialect.name]), column_keys=names)
        self.sql = str(compiled)
        self.values = values_maker(compiled, names, dialect)

    def with_rows(self, count: int) -> str:
        """Return an INSERT that takes so many rows at once."""
        begin, values, rest = self.sql.partition(" VALUES ")
        row, conflict, end = rest.partition(" ON CONFLICT ")
        return f"{begin}{values}{', '.join([row] * count)}{conflict}{end}"


def values_maker(compiled: SQLCompiler, names: Sequence[str], dialect: Dialect) -> Callable[[Row], tuple[Any, ...]]:
    """Return what makes of a row the values that the driver takes, in the order of the statement's places.

    It is written out and compiled, as for a named tuple. A place that no row has a name for is filled by the statement itself.
    """
    known: dict[str, Any] = {}
    values: dict[str, str] = {}
    for name in dict.fromkeys(compiled.positiontup or ()):
        process = compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
        if name not in names:
            constant = compiled.params[name]
            known[f"constant_{name}"] = process(constant) if process else constant
            values[name] = f"constant_{name}"
        elif process:
            known[f"process_{name}"] = process
            values[name] = f"process_{name}(row[{name!r}])"
        else:
            values[name] = f"row[{name!r}]"
    places = ", ".join(values[name] for name in compiled.positiontup or ())
    return eval(f"lambda row: ({places},)", known)  # noqa: S307 - made of our own columns' names
