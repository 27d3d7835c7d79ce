"""How Alembic reaches the database: through Pulse's own engine, one migrating process at a time."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, text

from pulse import models
from pulse.db import Base, UTCDateTime, connect

LOCK = 7_205_201
"""A number of our own for PostgreSQL's advisory lock."""

assert models.__all__  # importing them fills the metadata


def run(connection: Connection) -> None:
    """Run the migrations in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
        render_item=rendered,
    )
    with context.begin_transaction():
        context.run_migrations()


def rendered(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type as the plain one it is in the database: migrations outlive the code."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


def main() -> None:
    """Migrate the database whose URL the configuration names."""
    engine = connect(context.config.attributes["url"])
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
            # A migration may take its time; the limits are for requests.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        run(connection)
    engine.dispose()


main()
