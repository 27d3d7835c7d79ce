"""The API Keys tab by keyboard alone, with scripts on."""

import pytest
from playwright.sync_api import Page, expect

from pulse.abilities import Ability
from tests.browser.conftest import sign_in
from tests.factories import Person, make_key

pytestmark = pytest.mark.parametrize("scripts", [True], ids=["scripts on"])


@pytest.fixture
def tab(page: Page, alice: Person) -> Page:
    make_key(alice, Ability.MONITORS_READ, name="CI")
    sign_in(page, alice)
    page.goto("/settings/api-keys")
    return page


def test_the_menu_opens_moves_and_closes_by_keys(tab: Page):
    button = tab.get_by_role("button", name="Actions for CI")
    button.focus()

    tab.keyboard.press("Enter")
    expect(tab.get_by_role("menuitem", name="Rotate")).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("menuitem", name="Delete")).to_be_focused()
    tab.keyboard.press("Home")
    expect(tab.get_by_role("menuitem", name="Rotate")).to_be_focused()
    tab.keyboard.press("End")
    expect(tab.get_by_role("menuitem", name="Delete")).to_be_focused()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("menuitem", name="Delete")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_dialog_closes_by_escape_and_focus_returns(tab: Page):
    tab.get_by_role("link", name="Create API Key").focus()

    tab.keyboard.press("Enter")
    expect(tab.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("dialog")).to_have_count(0)
    expect(tab.get_by_role("link", name="Create API Key")).to_be_focused()


def test_a_key_is_made_by_keys_alone(tab: Page):
    tab.get_by_role("link", name="Create API Key").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    tab.keyboard.type("By keyboard")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")

    tab.keyboard.press("Enter")

    expect(tab.get_by_label("Token", exact=True)).to_be_visible()
    expect(tab.get_by_role("button", name="Copy", exact=True)).to_be_focused()


def test_delete_has_the_focus_on_cancel(tab: Page):
    tab.get_by_role("button", name="Actions for CI").click()
    tab.get_by_role("menuitem", name="Delete").click()

    expect(tab.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()


def test_a_refused_form_has_the_focus_on_its_first_fault(tab: Page):
    tab.get_by_role("link", name="Create API Key").click()
    tab.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()

    expect(tab.get_by_text("Enter a name.")).to_be_visible()
    expect(tab.get_by_role("dialog").get_by_label("Name")).to_be_focused()


def test_a_key_is_rotated_and_deleted_by_keys_alone(tab: Page):
    button = tab.get_by_role("button", name="Actions for CI")
    button.focus()
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("menuitem", name="Rotate")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("dialog")).to_contain_text("stops working at once")
    tab.keyboard.press("Tab")
    while not tab.evaluate("document.activeElement.textContent.trim() === 'Rotate Key'"):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Copy", exact=True)).to_be_focused()

    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Copied", exact=True)).to_be_visible()
    expect(tab.locator("#live")).to_have_text("Copied")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)
    # The row was drawn anew, so the focus goes to the heading; it does so a moment after the dialog is gone.
    expect(tab.locator("[data-heading]")).to_be_focused()

    button = tab.get_by_role("button", name="Actions for CI")
    button.focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("menuitem", name="Rotate")).to_be_focused()
    tab.keyboard.press("End")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Cancel")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Delete Key")).to_be_focused()
    tab.keyboard.press("Enter")

    expect(tab.get_by_role("heading", name="No API keys yet")).to_be_visible()
    expect(tab.locator("#live")).to_have_text("CI was deleted. Its token stopped working.")


def test_an_uncopied_token_asks_once_before_escape_closes_it(tab: Page):
    tab.get_by_role("button", name="Actions for CI").click()
    tab.get_by_role("menuitem", name="Rotate").click()
    tab.get_by_role("button", name="Rotate Key").click()
    expect(tab.get_by_label("Token", exact=True)).to_be_visible()

    tab.keyboard.press("Escape")
    expect(tab.get_by_text("Not copied yet.")).to_be_visible()
    expect(tab.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_the_span_of_a_key_is_chosen_by_keys_and_keeps_the_focus(tab: Page):
    tab.get_by_role("link", name="CI", exact=True).focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="CI", exact=True)).to_be_visible()
    tab.get_by_role("link", name="7 days").focus()

    tab.keyboard.press("Enter")

    expect(tab.get_by_text("No requests in the last 7 days.")).to_be_visible()
    expect(tab.get_by_role("link", name="7 days")).to_be_focused()
    assert tab.url.endswith("?span=7d")


def test_a_permission_is_taken_away_by_keys_alone(page: Page, alice: Person):
    make_key(alice, Ability.MONITORS_READ, Ability.CHECKS_READ, name="CI")
    sign_in(page, alice)
    page.goto("/settings/api-keys")
    page.get_by_role("link", name="CI", exact=True).click()
    page.get_by_role("link", name="Narrow").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    box = page.get_by_role("dialog").locator("input[value='checks:read']")
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()

    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#panel").get_by_text("Removed from CI: checks:read.")).to_be_visible()
