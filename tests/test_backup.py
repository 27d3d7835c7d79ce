"""The whole database in one file, and back: onto either database, from whatever moment."""

import shutil
import sqlite3
import stat
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import sleep
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import func, select, text

from pulse import schema
from pulse.app import create_app
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import Base, connect
from pulse.extensions import db
from pulse.models.event import Actor, ActorKind, Event
from pulse.models.mailed_link import MailedLink, Purpose
from pulse.models.outbox import Message
from pulse.models.session import BrowserSession
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.plans import Plan
from tests.apps import close
from tests.factories import Person, make_key, make_person
from tests.fresh import fresh_database, run
from tests.helpers import Api, assert_problem
from tests.monitors import make_monitor

EMPTY = {"users": 0, "teams": 0, "api_keys": 0, "monitors": 0}


@pytest.fixture
def elsewhere(app, settings, tmp_path):
    """The settings of an empty, migrated database of the same kind."""
    with fresh_database(settings, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def file(tmp_path) -> Path:
    """Where the backup goes."""
    return tmp_path / "copy.pulse"


def backed_up(settings: Settings, file: Path) -> None:
    """Make a backup with the command."""
    result = run(settings, "backup", str(file))
    assert result.exit_code == 0, result.output


def restored(settings: Settings, file: Path, *options: str) -> str:
    """Restore with the command; return what it said."""
    result = run(settings, "restore", str(file), *options)
    assert result.exit_code == 0, result.output
    return result.output


def rows(settings: Settings, *tables: str) -> dict[str, int]:
    """Count the rows of some tables."""
    engine = connect(settings.database)
    with engine.begin() as connection:
        counts = {
            name: connection.execute(select(func.count()).select_from(Base.metadata.tables[name])).scalar_one() for name in tables
        }
    engine.dispose()
    return counts


def content(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of what a restored database must hold as it was."""
    left_out = {"sessions", "mailed_links", "outbox", "throttles", "events"}
    engine = connect(settings.database)
    with engine.begin() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
            if table.name not in left_out
        }
    engine.dispose()
    return found


@contextmanager
def opened(settings: Settings) -> Generator[Api]:
    """Lend the API of an app on another database; `db.session` is its session meanwhile."""
    app = create_app(settings)
    with app.app_context():
        yield Api(app)
        db.session.remove()
        close(app)


# --- what is refused -------------------------------------------------------------------------------------------


def test_a_backup_never_replaces_a_file(app, settings, file):
    file.write_text("precious")

    result = run(settings, "backup", str(file))

    assert (result.exit_code, result.output) == (1, f"Error: {file} already exists. Choose another name.\n")
    assert file.read_text() == "precious"


def test_a_backup_into_a_folder_that_is_not_there_is_told(app, settings, tmp_path):
    result = run(settings, "backup", str(tmp_path / "nowhere" / "copy"))

    assert result.exit_code == 1
    assert "cannot be written: No such file or directory." in result.output


def truncate(file: Path) -> None:
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    with file.open("r+b") as handle:
        handle.seek(file.stat().st_size // 2)
        handle.write(b"\x55" * 16384)


def orphan(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE memberships SET team_id = 999999")
        connection.commit()


def strip(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE alembic_version")


def advance(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (Path.unlink, "cannot be read"),
        (lambda file: file.write_bytes(b""), "not a Pulse backup"),
        (lambda file: file.write_text("-- SQL"), "not a Pulse backup"),
        (truncate, "damaged"),
        (overwrite, "damaged"),
        (orphan, "damaged"),
        (strip, "not a Pulse backup"),
        (advance, "newer version"),
    ],
    ids=["missing", "empty", "text", "truncated", "overwritten", "orphaned", "foreign", "newer"],
)
def test_what_is_no_whole_backup_is_refused_before_anything_is_touched(elsewhere, settings, alice, file, harm, word):
    backed_up(settings, file)
    harm(file)

    result = run(elsewhere, "restore", str(file))

    assert result.exit_code == 1
    assert word in result.output
    assert rows(elsewhere, *EMPTY) == EMPTY


def test_a_database_with_accounts_is_never_restored_over(elsewhere, settings, alice, file):
    backed_up(settings, file)
    run(elsewhere, "users", "create", "charlie@example.com", "--name", "Charlie")
    before = content(elsewhere)

    result = run(elsewhere, "restore", str(file))

    assert result.exit_code == 1
    assert "already has accounts" in result.output
    assert content(elsewhere) == before


def test_an_unmigrated_database_is_not_restored_into(app, settings, file, tmp_path):
    backed_up(settings, file)

    with fresh_database(settings, tmp_path, migrated=False) as empty:
        result = run(empty, "restore", str(file))

    assert result.output == "Error: The database has no Pulse tables yet. Run: pulse migrate\n"


# --- what comes back -------------------------------------------------------------------------------------------


def test_everything_comes_back_as_it_was(elsewhere, settings, alice, bob, file):
    make_key(alice)
    make_monitor(alice, headers={"X-Token": "sealed"})
    backed_up(settings, file)

    said = restored(elsewhere, file)

    assert content(elsewhere) == content(settings)
    assert said.startswith("Restored 2 users, 1 key and 1 monitor.\n")
    assert "sealed under another secret" not in said


def test_a_backup_can_be_restored_into_the_other_kind_of_database(app, settings, alice, file, tmp_path):
    make_key(alice)
    backed_up(settings, file)
    sqlite = Settings(data=tmp_path / "sqlite", secret_key=settings.secret)
    schema.migrate(sqlite.database)

    restored(sqlite, file)

    assert content(sqlite) == content(settings)


def test_keys_work_after_a_restore_and_revoked_ones_do_not(elsewhere, settings, alice, file):
    live, dead = make_key(alice, name="Live"), make_key(alice, name="Dead")
    dead.key.revoke(db.session, by=alice.actor)
    db.session.commit()
    backed_up(settings, file)

    restored(elsewhere, file)

    with opened(elsewhere) as api:
        assert api.get("/key", token=live.token).status_code == 200
        assert_problem(api.get("/key", token=dead.token), 401, "token_deleted")


def open_session(person: Person) -> str:
    opened = BrowserSession.open(db.session, person.user, Actor(ActorKind.USER, person.user_id))
    db.session.commit()
    return opened.token


def test_browsers_have_to_sign_in_again_after_a_restore(elsewhere, settings, alice, file):
    token = open_session(alice)
    backed_up(settings, file)

    restored(elsewhere, file)

    with opened(elsewhere):
        assert BrowserSession.find(db.session, token) is None


def test_sessions_come_back_when_that_is_asked_for(elsewhere, settings, alice, file):
    token = open_session(alice)
    backed_up(settings, file)

    restored(elsewhere, file, "--keep-sessions")

    with opened(elsewhere):
        session = BrowserSession.find(db.session, token)
        assert session is not None
        assert session.user.email == alice.email


def test_what_was_of_the_moment_does_not_come_back(elsewhere, settings, alice, file):
    MailedLink.issue(db.session, alice.user, Purpose.RESET_PASSWORD, alice.email)
    Message.queue(db.session, alice.email, "Hello", "…")
    Throttle.hit(db.session, settings.rate("login"), "alice")
    db.session.commit()
    backed_up(settings, file)

    restored(elsewhere, file, "--keep-sessions")

    assert rows(elsewhere, "mailed_links", "outbox", "throttles") == {"mailed_links": 0, "outbox": 0, "throttles": 0}


def test_ids_given_out_before_the_backup_are_not_given_out_again(elsewhere, settings, app, alice, file):
    charlie = make_person(app, "Charlie", "charlie@example.com")
    charlie.user.delete(db.session)
    db.session.commit()
    backed_up(settings, file)

    restored(elsewhere, file)

    with opened(elsewhere):
        newcomer = make_person(current_app, "Dana", "dana@example.com", Plan.FREE)
        assert newcomer.user_id > charlie.user_id
        assert newcomer.team_id > charlie.team_id


def test_a_backup_of_an_older_version_is_brought_up_to_date(elsewhere, file):
    schema.migrate(f"sqlite:///{file}", "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO teams (name, plan, created_at) VALUES ('Old', 'free', '2026-01-01 00:00:00.000000')")
        connection.commit()

    restored(elsewhere, file)

    assert rows(elsewhere, "teams") == {"teams": 1}


def test_the_restored_trail_tells_of_the_backup_being_restored(elsewhere, settings, alice, file):
    backed_up(settings, file)

    restored(elsewhere, file)

    with opened(elsewhere):
        actions = list(db.session.scalars(select(Event.action).order_by(Event.id)))
        assert actions[0] == "account.created"
        assert actions[-1] == "backup.restored"


def test_a_restore_under_another_secret_says_whose_credentials_are_lost(app, settings, alice, file, tmp_path):
    make_monitor(alice, headers={"X-Token": "sealed"})
    make_monitor(alice, name="Open")
    backed_up(settings, file)

    with fresh_database(settings, tmp_path) as fresh:
        said = restored(fresh.model_copy(update={"secret_key": None}), file)

    assert "1 monitor has credentials sealed under another secret" in said


# --- the file --------------------------------------------------------------------------------------------------


def test_a_backup_is_its_owners_alone_and_leaves_nothing_beside_it(app, settings, alice, file):
    backed_up(settings, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_restore_leaves_the_file_as_it_is_and_nothing_of_its_own(elsewhere, settings, alice, file):
    backed_up(settings, file)
    before = file.read_bytes()

    restored(elsewhere, file)

    assert file.read_bytes() == before
    assert list(file.parent.glob("copy.pulse-*")) == []
    assert list(elsewhere.folder.glob("restore-*")) == []


def test_no_token_is_in_a_backup(app, settings, alice, file):
    token = make_key(alice).token
    backed_up(settings, file)

    held = file.read_bytes()

    assert token[-8:].encode() in held
    assert token[:-8].encode() not in held


def test_a_backup_is_of_one_moment_while_others_write(app, settings, alice, file, tmp_path):
    stop, written = Flag(), Flag()

    def write() -> None:
        engine = connect(settings.database)
        number = 0
        while not stop.is_set():
            number += 1
            # Both rows or none: a copy that has one of them is not of one moment.
            with engine.begin() as connection:
                add = text(
                    "INSERT INTO outbox (recipient, subject, body, created_at, due_at, attempts) VALUES (:n, '', '', :t, :t, 0)"
                )
                connection.execute(add, {"n": f"first {number}", "t": utcnow().replace(tzinfo=None)})
                connection.execute(add, {"n": f"second {number}", "t": utcnow().replace(tzinfo=None)})
            written.set()
            # SQLite's lock goes to who looks at the right moment: without a pause nobody else might have it for seconds.
            sleep(0.002)
        engine.dispose()

    writer = Thread(target=write)
    writer.start()
    written.wait(10)
    copies = [tmp_path / f"copy {number}" for number in range(5)]
    for copy in copies:
        backed_up(settings, copy)
    stop.set()
    writer.join()

    counts = []
    for copy in copies:
        with closing(sqlite3.connect(copy)) as connection:
            recipients = [name.split() for (name,) in connection.execute("SELECT recipient FROM outbox")]
        assert {n for word, n in recipients if word == "first"} == {n for word, n in recipients if word == "second"}
        counts.append(len(recipients))
    assert counts[-1] > counts[0] > 0


def test_a_backup_is_a_database_to_work_with(app, settings, alice, file, tmp_path):
    token = make_key(alice).token
    backed_up(settings, file)
    folder = tmp_path / "from copy"
    folder.mkdir()
    shutil.copyfile(file, folder / "pulse.sqlite3")

    with opened(Settings(data=folder, password_cost=4)) as api:
        assert api.get("/key", token=token).status_code == 200
        assert User.by_email(db.session, alice.email) is not None
