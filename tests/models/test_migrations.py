"""The schema, step by step."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from pulse import schema
from pulse.db import Base, UTCDateTime, connect


def compare_type(_context, _inspected, _column, inspected_type, own_type):
    if isinstance(own_type, UTCDateTime):
        return inspected_type.__class__.__name__ not in {"DATETIME", "TIMESTAMP"}
    return None


def drift(url):
    engine = connect(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": compare_type})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    return found


def tables(url):
    engine = connect(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found - {"sqlite_sequence"}


def test_a_migrated_database_is_what_the_models_say(migrated):
    assert drift(migrated) == []


def test_the_schema_goes_up_down_and_up_again(tmp_path):
    url = f"sqlite:///{tmp_path / 'steps.sqlite3'}"

    schema.migrate(url)
    assert schema.revision_of(url) == schema.needed()
    command.downgrade(schema.config(url), "base")
    assert tables(url) == {"alembic_version"}
    schema.migrate(url)

    assert drift(url) == []


def test_files_are_named_after_their_revisions():
    script = ScriptDirectory.from_config(schema.config(""))

    assert schema.known() == tuple(reversed([each.revision for each in script.walk_revisions()]))
    assert schema.needed() == script.get_current_head()


def test_migrating_twice_changes_nothing(tmp_path):
    url = f"sqlite:///{tmp_path / 'twice.sqlite3'}"

    schema.migrate(url)
    schema.migrate(url)

    assert schema.revision_of(url) == schema.needed()


def test_any_other_schema_is_not_current(tmp_path):
    url = f"sqlite:///{tmp_path / 'older.sqlite3'}"
    assert schema.revision_of(url) != schema.needed()

    schema.migrate(url, "0001")

    assert schema.revision_of(url) != schema.needed()
