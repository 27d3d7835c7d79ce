"""Databases of their own, beside the one the tests share: to start with, to restore into, to break."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result
from flask import has_app_context
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from pulse import schema
from pulse.cli import pulse
from pulse.config import Settings
from pulse.extensions import db
from tests.live import environment


@contextmanager
def fresh_database(like: Settings, folder: Path, *, migrated: bool = True) -> Generator[Settings]:
    """Lend the settings of an empty database of the same kind, with the same secret."""
    name = f"pulse_{secrets.token_hex(4)}"
    data = folder / name
    url = None if like.database_url is None else make_url(like.database).set(database=name).render_as_string(hide_password=False)
    settings = Settings(data=data, database_url=url, password_cost=4, secret_key=like.secret)
    if url is not None:
        administer(like, f"CREATE DATABASE {name}")
    if migrated:
        schema.migrate(settings.database)
    yield settings
    if url is not None:
        administer(like, f"DROP DATABASE {name} WITH (FORCE)")


def administer(settings: Settings, statement: str) -> None:
    """Run a statement that PostgreSQL does not take within a transaction."""
    engine = create_engine(settings.database, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def run(settings: Settings, *arguments: str, stdin: str | bytes | None = None, **variables: str) -> Result:
    """Run a command of `pulse` within this process."""
    if has_app_context():
        # What the test has open would hold the lock that the command needs.
        db.session.rollback()
    return CliRunner().invoke(pulse, arguments, input=stdin, env=variables_of(settings) | variables, prog_name="pulse")


def variables_of(settings: Settings) -> dict[str, str]:
    """Return the variables that stand for these settings."""
    secret = {"PULSE_SECRET_KEY": settings.secret_key.get_secret_value()} if settings.secret_key else {}
    return {name: value for name, value in environment(settings, **secret).items() if name.startswith("PULSE_")}
