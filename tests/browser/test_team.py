"""People in a team, in a real browser, with scripts and without."""

import pytest
from playwright.sync_api import Page, expect

from pulse.extensions import db
from tests.browser.conftest import sign_in
from tests.factories import PASSWORD, Person
from tests.teams import invite, roles_of


@pytest.fixture
def organization(page: Page, alice: Person, bob: Person) -> Page:
    """Alice's Organization page, with Bob in her team."""
    db.session.rollback()
    sign_in(page, alice)
    page.goto("/organization")
    return page


def row(page: Page, name: str):
    return page.get_by_role("row", name=name)


def test_a_role_is_changed_and_the_member_removed(organization: Page, alice: Person, bob: Person):
    row(organization, "Bob").get_by_role("combobox").select_option("viewer")
    organization.get_by_role("button", name="Change Role of Bob").click()
    expect(organization.locator("#panel").get_by_text("Bob now has the role Viewer.")).to_be_visible()
    assert roles_of(alice.team_id)[bob.email] == "viewer"
    db.session.rollback()

    organization.get_by_role("link", name="Remove Bob").click()
    organization.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(organization.locator("#panel").get_by_text("Bob was removed.")).to_be_visible()
    expect(row(organization, "Bob")).to_have_count(0)
    expect(organization.get_by_role("dialog")).to_have_count(0)


def test_an_invitation_is_sent_refused_and_revoked(organization: Page):
    organization.get_by_label("Email").fill("bob@example.com")
    organization.get_by_role("button", name="Send Invitation").click()
    expect(organization.get_by_text("bob@example.com is already a member of this team.")).to_be_visible()
    expect(organization.get_by_label("Email")).to_have_value("bob@example.com")

    organization.get_by_label("Email").fill("new@example.com")
    organization.get_by_role("button", name="Send Invitation").click()
    expect(row(organization, "new@example.com")).to_be_visible()
    organization.get_by_role("button", name="Revoke").click()

    expect(organization.locator("#panel").get_by_text("The invitation for new@example.com was revoked.")).to_be_visible()
    expect(row(organization, "new@example.com")).to_have_count(0)


def test_the_team_is_handed_over(organization: Page, alice: Person, bob: Person):
    organization.get_by_role("link", name="Transfer Ownership").click()
    dialog = organization.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option(label="Bob (bob@example.com)")
    dialog.get_by_label("Password").fill("not the one")
    dialog.get_by_role("button", name="Transfer Ownership").click()
    expect(organization.get_by_role("dialog").get_by_text("This is not your password.")).to_be_visible()
    expect(organization.get_by_role("dialog").get_by_role("combobox")).not_to_have_value("")

    organization.get_by_role("dialog").get_by_label("Password").fill(PASSWORD)
    organization.get_by_role("dialog").get_by_role("button", name="Transfer Ownership").click()

    expect(organization.locator("#panel").get_by_text("Alice’s team now belongs to Bob.")).to_be_visible()
    expect(organization.get_by_role("link", name="Leave Team")).to_be_visible()
    assert roles_of(alice.team_id) == {alice.email: "admin", bob.email: "owner"}


def test_a_new_person_joins_by_the_link_and_switches_teams(page: Page, alice: Person):
    link = f"/invitations/{invite(alice, 'new@example.com')}"
    db.session.rollback()
    page.goto(link)
    page.get_by_label("Name").fill("Nora")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create Account").click()
    expect(page.locator("#panel").get_by_text("You are now a member of Alice’s team.")).to_be_visible()
    expect(page.locator(".team .name")).to_have_text("Alice’s team")

    page.get_by_role("button", name="Switch Team").click()
    page.get_by_role("menuitem", name="Nora’s team").click()

    expect(page.locator(".team .name")).to_have_text("Nora’s team")
    page.goto("/organization")
    expect(page.get_by_role("row", name="Nora")).to_be_visible()
    expect(page.get_by_role("row", name="Alice")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True], ids=["scripts on"])
def test_the_team_is_switched_by_keys(page: Page, alice: Person, bob: Person):
    db.session.rollback()
    sign_in(page, bob)
    page.goto("/monitors")
    button = page.get_by_role("button", name="Switch Team")
    button.focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Bob’s team")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.locator(".team .name")).to_have_text("Alice’s team")
