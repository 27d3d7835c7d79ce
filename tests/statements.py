"""What requests send to the database, through whichever connection."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from pulse.extensions import db, services
from pulse.reading import Reader, Row


class NotedReader(Reader):
    """The reader, noting what is sent past SQLAlchemy: that raises no event."""

    sent: list[str]

    def rows(self, sql: str, values: Sequence[Any]) -> Sequence[Row]:
        """Note a statement, and send it."""
        self.sent.append(sql)
        return super().rows(sql, values)


@contextmanager
def noted(app: Flask) -> Generator[list[str]]:
    """Note every statement the app's requests send."""
    sent: list[str] = []

    def note(*about: Any) -> None:
        sent.append(about[2])

    with app.app_context():
        reader, engines = services().reader, (services().reader.engine, db.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    reader.__class__, reader.sent = NotedReader, sent  # pyright: ignore[reportAttributeAccessIssue]
    yield sent
    reader.__class__ = Reader
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
