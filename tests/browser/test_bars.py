"""The bars of the interface: nothing scrolls sideways at 320 px or with text twice as large, and Settings stays light."""

import gzip

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.browser.conftest import sign_in
from tests.factories import Person, make_person
from tests.live import Server
from tests.shots import STATES, cast_keys, cast_monitors, cast_team

HEAVIEST = 60_000
"""Bytes of Settings with all that it loads, each body as `gzip -6` makes it."""
PARTS = 4
"""Into how many tests the states are dealt out, so that none takes long."""
NARROW = {"width": 320, "height": 640}
OVERFLOW = """() => {
    const widest = document.documentElement.clientWidth;
    const wide = [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .body')];
    const isWide = each => each.scrollWidth > each.clientWidth + 1 || each.clientWidth > widest;
    return wide.filter(isWide).map(each => each.outerHTML.slice(0, 120));
}"""


@pytest.fixture
def alice_with_all(app: Flask) -> Person:
    person = make_person(app, "Alice", "alice@example.com")
    cast_team(app, person)
    cast_keys(person)
    cast_monitors(person)
    return person


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("zoomed", [False, True], ids=["320 px", "text at 200 %"])
def test_nothing_scrolls_sideways(browser: Browser, server: Server, alice_with_all: Person, zoomed: bool, part: int):
    # Twice the text on 1280 px is, to the layout, the same text on 640 px.
    context = browser.new_context(base_url=server.url, viewport={"width": 640, "height": 400} if zoomed else NARROW)
    first = context.new_page()
    sign_in(first, alice_with_all)
    found: dict[str, list[str]] = {}
    for name, (who, act) in list(STATES.items())[part::PARTS]:
        if who == "alice":
            page = context.new_page()
            act(page)
            found[name] = page.evaluate(OVERFLOW)
            page.close()
    context.close()

    assert {name: each for name, each in found.items() if each} == {}


def test_settings_is_light_and_needs_no_other_host(browser: Browser, server: Server, alice_with_all: Person):
    context = browser.new_context(base_url=server.url)
    sign_in(context.new_page(), alice_with_all)
    page, asked = context.new_page(), set[str]()
    page.on("request", lambda request: asked.add(request.url))

    page.goto("/settings/api-keys", wait_until="networkidle")

    weights = {url: len(gzip.compress(context.request.get(url).body(), 6)) for url in asked}
    context.close()
    assert len(weights) >= 4
    assert all(url.startswith(server.url) for url in weights)
    assert sum(weights.values()) <= HEAVIEST, weights
