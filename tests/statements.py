"""What requests send to the database, through whichever connection."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from pulse.extensions import db, services
from pulse.reading import Reader


class NotedReader(Reader):
    """The reader, noting which cursors of the driver's own are asked for: they raise no event."""

    sent: list[str]

    def cursor(self) -> Any:
        """Note that a statement follows, and return the cursor."""
        self.sent.append("over the driver's own cursor")
        return super().cursor()


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
