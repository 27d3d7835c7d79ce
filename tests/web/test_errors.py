"""Pages about errors: inside the shell for whoever is signed in, and plain where the database may be what failed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from pulse.clock import utcnow
from pulse.extensions import db
from tests.helpers import soup


@pytest.fixture
def outage(app: Flask) -> Iterator[Callable[[str], None]]:
    """Call it with words: from then on the database does not answer what holds them."""
    began: list[Callable[..., None]] = []

    def begin(words: str) -> None:
        def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if words in statement:
                raise OperationalError(statement, {}, Exception("the database is away"))

        event.listen(db.engine, "before_cursor_execute", refuse)
        began.append(refuse)

    yield begin
    for refuse in began:
        event.remove(db.engine, "before_cursor_execute", refuse)


def test_a_page_that_does_not_exist_leaves_the_navigation_where_it_is(tab):
    page = tab.get("/no-such-page")

    assert page.status_code == 404
    assert soup(page).find("nav", {"aria-label": "Main"})
    assert soup(page).find("main").find("a", string="Go to Monitors")["href"] == "/monitors"


def test_a_page_about_an_error_is_the_same_at_each_moment_and_sets_no_cookie(tab):
    pages = []
    for second in (1, 2):
        with time_machine.travel(utcnow() + timedelta(seconds=second)):
            pages.append(tab.get("/no-such-page"))

    first, second = (each.data.replace(each.headers["X-Request-Id"].encode(), b"") for each in pages)
    assert first == second
    assert [each.headers.getlist("Set-Cookie") for each in pages] == [[], []]


def test_what_is_a_strangers_is_told_of_in_the_shell_too(tab):
    page = tab.get("/monitors/999999")

    assert page.status_code == 404
    assert soup(page).find("nav", {"aria-label": "Main"})


def test_whoever_is_not_signed_in_sees_the_plain_page(visitor):
    page = visitor.get("/no-such-page")

    assert page.status_code == 404
    assert not soup(page).find("nav", {"aria-label": "Main"})
    assert soup(page).find("a", string="Go to Pulse")


def test_a_page_about_an_outage_asks_the_database_nothing(tab, outage):
    outage("")

    page = tab.get("/monitors")

    assert page.status_code == 503
    assert not soup(page).find("nav", {"aria-label": "Main"})
    assert soup(page).find("a", string="Go to Pulse")


def test_a_page_about_an_error_is_plain_where_the_shell_cannot_be_read(tab, outage):
    outage("FROM memberships")

    page = tab.get("/no-such-page")

    assert page.status_code == 404
    assert not soup(page).find("nav", {"aria-label": "Main"})
