"""The shortest way through psycopg: a message to a statement that PostgreSQL has prepared, and one back with its rows.

The driver's own cursor adds half of what the key check takes. Imported where PostgreSQL is used, for the driver is an extra.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class PsycopgWire:
    """A connection of psycopg's that commits by itself, and what is prepared on it."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._wire = connection.pgconn
        self._values = Transformer(connection)
        self._prepared: dict[str, bytes] = {}

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Return the rows of a statement whose parameters are `$1` and so on; raises `psycopg.Error`."""
        name = self._prepared.get(sql) or self._prepare(sql)
        # As text, which PostgreSQL reads as whatever is wanted there; bytes would grow to twice their size.
        formats = [PyFormat.BINARY if isinstance(value, bytes) else PyFormat.TEXT for value in values]
        dumped = self._values.dump_sequence(values, formats)
        result = succeeded(self._wire.exec_prepared(name, dumped, self._values.formats))  # pyright: ignore[reportArgumentType] - None is NULL
        self._values.set_pgresult(result)
        return self._values.load_rows(0, result.ntuples, tuple)

    def _prepare(self, sql: str) -> bytes:
        # By what it says: behind a pooler the server's connection may have been another process's before.
        name = f"pulse_{sha256(sql.encode()).hexdigest()[:32]}".encode()
        succeeded(self._wire.prepare(name, sql.encode()))
        self._prepared[sql] = name
        return name


def succeeded(result: PGresult) -> PGresult:
    """Return a result that is one; raises `psycopg.Error` for any other."""
    if result.status not in GOOD:
        raise OperationalError(result.error_message.decode("utf-8", "replace"))
    return result
