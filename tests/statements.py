"""What requests send to the database, through whichever connection."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from pulse.config import Settings
from pulse.extensions import db, services
from pulse.reading import Reader, Row
from tests.apps import exchange


class NotedReader(Reader):
    """The reader, noting what is sent past SQLAlchemy: that raises no event."""

    def __init__(self, settings: Settings, sent: list[str]) -> None:
        super().__init__(settings.database, settings.threads)
        self._sent = sent

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """Note a statement, and send it."""
        self._sent.append(sql)
        return super().rows(sql, values)


@contextmanager
def noted(app: Flask) -> Generator[list[str]]:
    """Note every statement the app's requests send within a block."""
    sent: list[str] = []

    def note(*about: Any) -> None:
        sent.append(about[2])

    with app.app_context():
        kept, engine = services(), db.engine
    reader = NotedReader(kept.settings, sent)
    exchange(app, reader=reader)
    for each in (reader.engine, engine):
        event.listen(each, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
        exchange(app, reader=kept.reader)
        reader.close()
        reader.engine.dispose()
