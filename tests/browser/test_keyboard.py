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
