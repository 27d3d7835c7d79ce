"""Chromium against the real server, with scripts and without."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from pulse.config import Settings
from tests.factories import Person
from tests.live import Server, serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium where there is one, else Playwright's own."""
    system = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return {**browser_type_launch_args, "args": FLAGS, **({"executable_path": system} if system else {})}


@pytest.fixture(scope="session")
def server(settings: Settings, migrated: str) -> Iterator[Server]:
    """The real web process, on the database of the tests."""
    assert migrated
    with serving(settings) as running:
        yield running


@pytest.fixture(params=["scripts on", "scripts off"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts: everything must work both ways."""
    return request.param == "scripts on"


@pytest.fixture
def context(browser: Browser, server: Server, scripts: bool, app: Flask) -> Iterator[BrowserContext]:
    """A fresh profile on an empty database."""
    made = browser.new_context(base_url=server.url, java_script_enabled=scripts)
    made.set_default_timeout(10_000)
    if scripts:
        made.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; a script error or a breach of the content policy fails the test."""
    opened = context.new_page()
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # What a browser, and htmx, say of a server that does not answer is no fault of a page.
        unreachable = "Failed to load resource" in message.text or "Failed to fetch" in message.text
        if message.type == "error" and not unreachable:
            faults.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    assert faults == []


def sign_in(page: Page, person: Person) -> None:
    """Sign in as a person does."""
    page.goto("/sign-in")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password", exact=True).fill(person.password)
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
