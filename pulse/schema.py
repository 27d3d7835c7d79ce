"""The database's schema: which one it has, which one this version needs, and how to get there."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from pulse.db import connected

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(url: str) -> "Config":
    """Return Alembic's configuration for a database."""
    from alembic.config import Config  # noqa: PLC0415 - a quarter of a second that all but a migration do without

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["url"] = url
    return made


@lru_cache
def known() -> tuple[str, ...]:
    """Return the revisions this version of the code knows, the oldest first: what their files' names begin with."""
    return tuple(sorted(each.name.partition("_")[0] for each in MIGRATIONS.glob("versions/[0-9]*.py")))


def needed() -> str:
    """Return the revision this version of the code works with."""
    return known()[-1]


def is_known(revision: str | None) -> bool:
    """Tell whether this version can bring a database with that revision (or with none) to its own."""
    return revision is None or revision in known()


def current(connection: Connection) -> str | None:
    """Return the revision the database has."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def is_current(connection: Connection) -> bool:
    """Tell whether the database has the schema this version needs."""
    return current(connection) == needed()


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to a revision; processes that try at once wait for each other."""
    from alembic import command  # noqa: PLC0415 - see `config`

    command.upgrade(config(url), revision)


def revision_of(url: str) -> str | None:
    """Return the revision the database behind `url` has; `None` for one without any."""
    with connected(url, read_only=True) as engine, engine.connect() as connection:
        return current(connection)
