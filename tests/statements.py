"""What requests send to the database, through whichever connection."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from pulse.db import Lookup
from pulse.extensions import db, services


class NotedLookup(Lookup):
    """The lookup of tokens, noting that it asks: the driver's own cursor raises no event."""

    sent: list[str]

    def first(self, value: object) -> Any:
        """Note the statement, and send it."""
        self.sent.append("lookup")
        return super().first(value)


@contextmanager
def noted(app: Flask) -> Generator[list[str]]:
    """Note every statement the app's requests send."""
    sent: list[str] = []

    def note(*about: Any) -> None:
        sent.append(about[2])

    with app.app_context():
        engines = (services().reader.engine, db.engine)
    lookup: Lookup = app.extensions["pulse.tokens"]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    lookup.__class__, lookup.sent = NotedLookup, sent  # pyright: ignore[reportAttributeAccessIssue]
    yield sent
    lookup.__class__ = Lookup
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
