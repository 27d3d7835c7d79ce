"""Engine and session, the typed Base, the column types and SQLite's pragmas."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from sqlalchemy import BigInteger, Connection, DateTime, Engine, Integer, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_SECONDS = 5
"""How long anything waits for a lock or a connection before the answer is 503."""

PRAGMAS = (
    "journal_mode=WAL",
    # NORMAL could lose the last commits in a power cut: a revoked key would come back.
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "temp_store=MEMORY",
    # A mapped file is let go of at each commit of another connection, and then found again page by page: dearer than reading.
    "mmap_size=0",
    "cache_size=-20000",
    "journal_size_limit=67108864",
    # What people delete must not stay readable in free pages.
    "secure_delete=ON",
)
READ_ONLY = {"sqlite_begin": "DEFERRED"}
"""Execution options of a transaction that will write nothing and so need not wait for writers."""


DbSession = Session | scoped_session[Session]
"""What models work on: a plain session in the checker, the request's in the web and the API."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC time; stored naive on SQLite, `timestamptz` on PostgreSQL. A naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[..., Any]:
        """Return what refuses a naive time, and makes of an aware one what is stored: in SQLite its text."""
        return _to_text if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., datetime | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what makes an aware time, in UTC, of what the driver returns: text in SQLite."""
        return _from_text if dialect.name == "sqlite" else _in_utc


def _to_text(value: datetime | None) -> str | None:
    # As SQLAlchemy writes it, at a quarter of the cost: in UTC, without the zone, with all six digits.
    if value is None:
        return None
    text = orjson.dumps(_to_utc(value)).decode()
    return f"{text[1:11]} {text[12:27]}" if value.microsecond else f"{text[1:11]} {text[12:20]}.000000"


def _to_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)


def _from_text(stored: str | None) -> datetime | None:
    # Appending the zone to the text is five times cheaper than `replace(tzinfo=UTC)` afterwards.
    return None if stored is None else datetime.fromisoformat(f"{stored}+00:00")


def _in_utc(stored: datetime | None) -> datetime | None:
    return None if stored is None else stored.astimezone(UTC)


BigId = BigInteger().with_variant(Integer(), "sqlite")
"""An id; SQLite's counts to 63 bit in any case, and must be called INTEGER to be a rowid."""


class Base(DeclarativeBase):
    """Every table's mapped class; a number is of 63 bit and a time is aware wherever nothing else is said."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigId, datetime: UTCDateTime}


LARGEST = 2**63 - 1
"""The largest number a column holds; an id is at least 1."""

NEVER_REUSED = {"sqlite_autoincrement": True}
"""Table option: a freed id is never given out again."""


SPARE_CONNECTIONS = 16
"""How many connections a pool may lend beyond one for each thread."""


def connect(url: str, *, read_only: bool = False, threads: int = 8) -> Engine:
    """Return an engine for `url`, with a connection for each of so many threads.

    A read-only one commits nothing, holds no transaction between statements, and so sees every commit at once.
    Any other begins each transaction with the write lock on SQLite, so that what it read stays true until it writes.
    """
    sqlite = make_url(url).get_backend_name() == "sqlite"
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if read_only else {}
    engine = create_engine(url, **(options | engine_options(sqlite=sqlite, threads=threads)))
    prepare(engine, read_only=read_only)
    return engine


@contextmanager
def connected(url: str, *, read_only: bool = False) -> Generator[Engine]:
    """Lend an engine as `connect` makes it, for work that begins and ends here."""
    engine = connect(url, read_only=read_only)
    try:
        yield engine
    finally:
        engine.dispose()


def engine_options(*, sqlite: bool, threads: int) -> dict[str, Any]:
    """Return how to connect: waits are bounded, dead connections noticed, and no thread has to wait for another's connection."""
    common: dict[str, Any] = {
        "pool_size": threads,
        "max_overflow": SPARE_CONNECTIONS,
        "pool_timeout": BUSY_SECONDS,
        "json_deserializer": orjson.loads,
        # What is bound may be anybody's secret, and errors are logged.
        "hide_parameters": True,
    }
    if sqlite:
        return common | {"connect_args": {"timeout": BUSY_SECONDS}}
    limits = (
        f"-c statement_timeout={BUSY_SECONDS * 2000} -c lock_timeout={BUSY_SECONDS * 1000}"
        " -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
    )
    return common | {"pool_pre_ping": True, "connect_args": {"connect_timeout": BUSY_SECONDS, "options": limits}}


def prepare(engine: Engine, *, read_only: bool = False) -> None:
    """Give SQLite its pragmas and its locking; PostgreSQL needs neither."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _configure_sqlite)
    if not read_only:
        event.listen(engine, "begin", _begin_sqlite)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by its own rules; SQLAlchemy's `begin` does it instead.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once with "database is locked", whatever the
    # time-out: so the lock is taken at the start, unless the transaction says that it only reads.
    connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get("sqlite_begin", "IMMEDIATE"))


def is_outage(error: SQLAlchemyError) -> bool:
    """Tell whether the same may go well in a moment: the database is locked, full, restarting or gone."""
    gone = isinstance(error, DBAPIError) and error.connection_invalidated
    return gone or isinstance(error, OperationalError | InterfaceError | NoConnection)


INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
"""By a database's name: how to make an INSERT that says what becomes of a conflict."""


def insert_into(session: DbSession, table: type[Base]) -> Any:
    """Return an INSERT, in the words of the session's database, that can say what becomes of a conflict."""
    return INSERTS[session.get_bind().dialect.name](table)


def is_sqlite(session: DbSession) -> bool:
    """Tell whether `session` speaks to SQLite."""
    return session.get_bind().dialect.name == "sqlite"
