"""Settings stays light."""

import gzip

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.browser.conftest import sign_in
from tests.factories import Person, make_person
from tests.live import Server
from tests.shots import cast_keys

HEAVIEST = 60_000
"""Bytes of Settings with all that it loads, each body as `gzip -6` makes it."""


@pytest.fixture
def alice_with_all(app: Flask) -> Person:
    person = make_person(app, "Alice", "alice@example.com")
    cast_keys(person)
    return person


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
