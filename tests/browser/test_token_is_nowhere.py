"""After its one appearance the token is nowhere: not in the browser, not on the server's disk, not in its log."""

import re

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from pulse.config import Settings
from tests.browser.conftest import sign_in
from tests.browser.test_key_life import create, done, open_tab
from tests.factories import Person
from tests.live import Server

STORED = """() => JSON.stringify([
    Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, location.href, document.title,
    history.state, document.documentElement.outerHTML,
    [...document.querySelectorAll('input, textarea')].map(each => each.value),
])"""


def traces(page: Page) -> str:
    return page.evaluate(STORED) + str(page.context.cookies()) + str(page.context.storage_state())


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_the_token_leaves_no_trace_in_the_browser(page: Page, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "Traceless", "monitors:read")
    done(page, scripts)

    assert token not in traces(page)
    for step in ("back", "forward", "reload", "elsewhere"):
        {
            "back": page.go_back,
            "forward": page.go_forward,
            "reload": page.reload,
            "elsewhere": lambda: page.goto("/settings/profile"),
        }[step]()
        assert token not in traces(page), step


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_leaving_with_the_reveal_open_wipes_it(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "Left open", "monitors:read")

    page.goto("/settings/profile")
    page.go_back()

    expect(page.get_by_role("heading", name="API Keys", exact=True)).to_be_visible()
    assert token not in traces(page)
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scripts", [False], ids=["scripts off"])
def test_without_scripts_a_reload_or_back_shows_no_token(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "No scripts", "monitors:read")
    assert token not in page.url

    page.goto("/settings/profile")
    # Nothing was kept: the browser would have to send the form again, and asks first.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()

    another = page.context.new_page()
    another.goto("/settings/api-keys")
    assert token not in another.content()


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_copy_works_while_masked_and_done_then_closes_at_once(page: Page, context: BrowserContext, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Taken along")
    dialog.locator("input[value='monitors:read']").check()
    dialog.get_by_role("button", name="Create", exact=True).click()

    page.get_by_role("button", name="Copy", exact=True).click()

    expect(page.get_by_role("button", name="Copied", exact=True)).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"pulse_[0-9A-Za-z]{46}", copied)
    page.get_by_role("dialog").get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_closing_before_a_copy_asks_once(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Not copied")
    dialog.locator("input[value='monitors:read']").check()
    dialog.get_by_role("button", name="Create", exact=True).click()
    close = page.get_by_role("dialog").get_by_role("button", name="Done")

    close.click()
    expect(page.get_by_text("Not copied yet.")).to_be_visible()
    close.click()

    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_the_token_is_in_no_file_and_no_log_line(page: Page, server: Server, settings: Settings, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "On disk", "monitors:read", "key:rotate")

    files = [file for file in settings.folder.rglob("*") if file.is_file()]

    assert server.log in files
    for file in files:
        content = file.read_bytes()
        assert token.encode() not in content, file
        assert token[:-8].encode() not in content, file
