"""What the log tells of failures: enough to know what to mend, and no value."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pulse.checker.outages import Patience
from pulse.db import connected
from pulse.extensions import db
from pulse.logs import kind_of


def test_a_full_disk_is_told_by_its_name_and_without_values(tmp_path, capfd, whole_app):
    with connected(f"sqlite:///{tmp_path / 'full.sqlite3'}") as engine:

        def fill() -> None:
            with engine.begin() as connection:
                connection.execute(text("PRAGMA max_page_count=2"))
                connection.execute(text("CREATE TABLE things (name TEXT)"))
                connection.execute(text("INSERT INTO things VALUES (:name)"), {"name": "hush" * 10_000})

        went_well = Patience("checks").attempt(fill)

    told = capfd.readouterr().out
    assert not went_well
    assert '"failure":"OperationalError SQLITE_FULL"' in told
    assert "hush" not in told


def test_each_databases_own_word_is_told(app):
    with pytest.raises(SQLAlchemyError) as failed:
        db.session.execute(text("SELECT * FROM nothing_of_that_name"))

    words = {"sqlite": "OperationalError SQLITE_ERROR", "postgresql": "ProgrammingError 42P01"}
    assert kind_of(failed.value) == words[db.engine.dialect.name]


def test_what_no_database_said_is_told_by_its_type_alone():
    assert kind_of(LookupError("hush")) == "LookupError"
    assert kind_of(OperationalError("SELECT 1", {}, Exception("hush"))) == "OperationalError"
