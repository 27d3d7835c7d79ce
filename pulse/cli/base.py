"""What the commands share: the settings, the database, and errors as one clear sentence."""

from collections.abc import Generator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any

import click
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from pulse import schema
from pulse.config import Settings
from pulse.db import connect, connected
from pulse.mail import Sender
from pulse.models.refusals import Refused
from pulse.models.user import User

DATABASES = ("sqlite", "postgresql")


class BadSettings(click.ClickException):
    """The environment is at fault, not the command."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands may let a model's refusal, or an absent database, through."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what went wrong ends it as a sentence without a trace."""
        try:
            return super().invoke(ctx)
        except Refused as error:
            raise click.ClickException(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise click.ClickException(f"The database does not answer: {_reason(error)}") from error


def load_settings() -> Settings:
    """Return the settings in force; raises `BadSettings` in words that hold no value of a secret."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise BadSettings(" ".join(_sentence(fault["loc"], fault["msg"]) for fault in error.errors())) from error
    except SettingsError as error:
        raise BadSettings(f"A PULSE_ variable cannot be read: {error}") from error
    _check_folder(settings)
    _check_addresses(settings)
    return settings


@contextmanager
def database(settings: Settings) -> Generator[Engine]:
    """Lend an engine to a database of the newest schema; raises `ClickException` for any other schema."""
    require_newest(settings.database)
    with connected(settings.database) as engine:
        yield engine


@contextmanager
def transaction(settings: Settings) -> Generator[Session]:
    """Lend a session whose work is kept when the block ends well."""
    with database(settings) as engine, Session(engine) as session, session.begin():
        yield session


def require_newest(url: str) -> None:
    """Raise `ClickException` unless the database has the schema that this version needs."""
    revision = schema.revision_of(url)
    if revision is None:
        raise click.ClickException("The database has no Pulse tables yet. Run: pulse migrate")
    if revision != schema.needed():
        require_known(revision)
        raise click.ClickException("The database has the schema of an older version of Pulse. Run: pulse migrate")


def require_known(revision: str | None) -> None:
    """Raise `ClickException` for a schema this version has never heard of."""
    if not schema.is_known(revision):
        raise click.ClickException(
            f"The database has schema {revision}, from a newer version of Pulse. Run that version or a later one."
        )


def find_user(session: Session, email: str) -> User:
    """Return the account behind an address; raises `ClickException` where there is none."""
    user = User.by_email(session, email)
    if user is None:
        raise click.ClickException(f"No account has the address {email}.")
    return user


# --- settings --------------------------------------------------------------------------------------------------


def _sentence(where: tuple[int | str, ...], message: str) -> str:
    """Return a fault as `PULSE_PORT: …`; one of the settings as a whole names its variable itself."""
    message = message.removeprefix("Value error, ")
    text = f"PULSE_{str(where[0]).upper()}: {message}" if where else message[:1].upper() + message[1:]
    return text if text.endswith(".") else f"{text}."


def _check_folder(settings: Settings) -> None:
    """Fail now where the data folder is needed and cannot be written to; only trying tells, for root may do what it cannot."""
    if settings.database_url and settings.secret_key and settings.smtp_url:
        return
    try:
        with TemporaryFile(dir=settings.folder):
            pass
    except OSError as error:
        raise BadSettings(f"PULSE_DATA: {settings.data} cannot hold data: {error.strerror}.") from error


def _check_addresses(settings: Settings) -> None:
    """Fail now, and not when the address is first needed. An address may hold a password, so none is told."""
    try:
        kind = make_url(settings.database).get_backend_name()
        if kind not in DATABASES:
            raise BadSettings("PULSE_DATABASE_URL: use postgresql://… or leave it out for SQLite.")
        connect(settings.database).dispose()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise BadSettings("PULSE_DATABASE_URL: this is not a database URL such as postgresql://host/name.") from error
    except ModuleNotFoundError as error:
        raise BadSettings(f"PULSE_DATABASE_URL: the driver {error.name} is not installed. Install pulse[postgres].") from error
    try:
        Sender.of(settings)
    except ValueError as error:
        raise BadSettings("PULSE_SMTP_URL: use smtp://user:password@host:port, or smtps:// for TLS from the start.") from error


def _reason(error: OperationalError | InterfaceError) -> str:
    """Return the driver's own words; they name host and database, never a password."""
    lines = str(error.orig).strip().splitlines() or [type(error).__name__]
    return lines[0].strip()
