"""The database's schema: which one it has, which one this version needs, and how to get there."""

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pulse.db import connect

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(url: str = "") -> Config:
    """Return Alembic's configuration for a database; without one, for the scripts alone."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["url"] = url
    return made


@lru_cache
def needed() -> str | None:
    """Return the revision this version of the code works with."""
    return ScriptDirectory.from_config(config()).get_current_head()


def is_known(revision: str | None) -> bool:
    """Tell whether this version can bring a database with that revision (or with none) to its own."""
    return revision is None or revision in {each.revision for each in ScriptDirectory.from_config(config()).walk_revisions()}


def current(connection: Connection) -> str | None:
    """Return the revision the database has."""
    return MigrationContext.configure(connection).get_current_revision()


def is_current(connection: Connection) -> bool:
    """Tell whether the database has the schema this version needs."""
    return current(connection) == needed()


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to a revision; processes that try at once wait for each other."""
    command.upgrade(config(url), revision)


def is_migrated(url: str) -> bool:
    """Tell whether the database behind `url` can be worked with."""
    engine = connect(url, read_only=True)
    try:
        with engine.connect() as connection:
            return is_current(connection)
    finally:
        engine.dispose()
