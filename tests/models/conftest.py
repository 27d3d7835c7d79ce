"""What tests of models may ask for besides."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask import Flask
from sqlalchemy import event

from pulse.extensions import db


@pytest.fixture
def statements(app: Flask) -> Callable[[], AbstractContextManager[list[str]]]:
    """Collects the statements that are sent to the database within a block."""

    @contextmanager
    def collect() -> Generator[list[str]]:
        sent: list[str] = []

        def note(_connection, _cursor, statement, *_) -> None:
            sent.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return collect
