"""What the tests of the pages share: more browsers, the same app under other settings, and what was mailed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from pulse.app import create_app
from pulse.config import Settings
from pulse.extensions import db
from pulse.models.outbox import Message
from tests.apps import close
from tests.factories import Person
from tests.helpers import Visitor

LINK = re.compile(r"http://localhost:8000(/[a-z-]+/[\w-]+)\n")


@pytest.fixture
def tab(visitor: Visitor, alice: Person) -> Visitor:
    """Alice's browser, signed in."""
    visitor.sign_in(alice)
    return visitor


@pytest.fixture
def other_browser(app: Flask) -> Visitor:
    """Another browser."""
    return Visitor(app)


@pytest.fixture
def app_with(app: Flask, settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Make the app once more, on the same database, with some settings changed."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(create_app(Settings(**(settings.model_dump() | changes))))
        return made[-1]

    yield make
    for each in made:
        close(each)


class Post:
    """What was mailed."""

    def to(self, recipient: str) -> list[Message]:
        """Return the mails to an address, oldest first."""
        db.session.rollback()
        return list(db.session.scalars(select(Message).where(Message.recipient == recipient).order_by(Message.id)))

    def link(self, recipient: str) -> str:
        """Return the path of the link in the newest mail that has one."""
        found = [match for mail in self.to(recipient) for match in LINK.findall(mail.body)]
        return found[-1]


@pytest.fixture
def post(app: Flask) -> Post:
    """What was mailed."""
    return Post()
