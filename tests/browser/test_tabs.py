"""Two tabs in two teams, and links from outside, in a real browser, with scripts and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from tests.browser.conftest import sign_in
from tests.factories import Person
from tests.monitors import BAD, check, make_monitor
from tests.teams import look_at

STRAYED = "this form was opened in Alice’s team: nothing was saved"


@pytest.fixture
def incident(alice: Person) -> int:
    """An open incident of Alice's team."""
    check(make_monitor(alice), BAD, BAD)
    found = db.session.query(Incident).one().id
    db.session.rollback()
    return found


@pytest.fixture
def two(page: Page, alice: Person, bob: Person, incident: int) -> Page:
    """Bob's tab, in Alice's team."""
    db.session.rollback()
    sign_in(page, bob)
    look_at(alice.team)
    return page


def test_a_form_comes_back_and_is_written_where_it_was_opened(two: Page, alice: Person, bob: Person):
    two.goto("/monitors/new")
    two.get_by_label("Name", exact=True).fill("Typed")
    two.get_by_label("URL").fill("https://typed.example.com/")
    look_at(bob.team)
    two.get_by_role("button", name="Create Monitor").click()
    expect(two.get_by_role("alert").filter(has_text=STRAYED)).to_be_visible()
    expect(two.get_by_label("Name", exact=True)).to_have_value("Typed")

    two.get_by_role("button", name="Create Monitor").click()

    expect(two.get_by_role("heading", name="Typed")).to_be_visible()
    expect(two.locator(".team .name")).to_have_text("Alice’s team")
    assert [each.team_id for each in db.session.query(Monitor).filter_by(name="Typed")] == [alice.team_id]


def test_the_dialog_to_resolve_comes_back_with_the_root_cause(two: Page, bob: Person, incident: int):
    two.goto(f"/incidents/{incident}")
    two.get_by_role("link", name="Resolve").click()
    two.get_by_role("dialog").get_by_label("Root Cause").fill("The disk was full.")
    look_at(bob.team)
    two.get_by_role("button", name="Confirm Resolution").click()
    expect(two.get_by_role("dialog").get_by_text(STRAYED)).to_be_visible()
    expect(two.get_by_role("dialog").get_by_label("Root Cause")).to_have_value("The disk was full.")
    two.get_by_role("button", name="Confirm Resolution").click()

    expect(two.get_by_role("dialog")).to_have_count(0)
    expect(two.locator("#panel").get_by_text(": resolved.")).to_be_visible()


def test_an_act_from_another_team_says_why_it_was_not_done(two: Page, bob: Person, incident: int):
    two.goto(f"/incidents/{incident}")
    look_at(bob.team)

    two.get_by_role("button", name="Acknowledge").click()

    expect(two.get_by_text("You have switched to another team. Reload the page, then try again.")).to_be_visible()
    db.session.rollback()
    assert db.session.get_one(Incident, incident).status == "open"


def test_a_dialog_of_another_team_says_why_nothing_was_deleted(two: Page, bob: Person):
    two.goto("/monitors")
    two.get_by_role("link", name="Shop", exact=True).click()
    two.get_by_role("link", name="Delete Monitor").click()
    two.get_by_role("dialog").wait_for()
    look_at(bob.team)

    two.get_by_role("button", name="Delete Monitor").click()

    expect(two.get_by_text("You have switched to another team. Reload the page, then try again.")).to_be_visible()
    assert db.session.query(Monitor).count() == 1


def test_a_link_from_outside_leads_to_the_team_it_is_about(two: Page, bob: Person, incident: int):
    look_at(bob.team)
    two.goto(f"/incidents/{incident}")
    expect(two.get_by_text("This incident belongs to your team Alice’s team.")).to_be_visible()

    two.get_by_role("button", name="Switch to Alice’s team").click()

    expect(two).to_have_url(re.compile(rf"/incidents/{incident}$"))
    expect(two.get_by_role("heading", name="Shop is down")).to_be_visible()
