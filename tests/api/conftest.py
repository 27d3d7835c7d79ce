"""What the tests of the API share."""

import pytest
from sqlalchemy import event

from pulse.extensions import db, services


@pytest.fixture
def statements(app):
    """Every statement sent from now on by requests, whichever connection it goes through."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    engines = (services().reader.engine, db.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
