"""Where things stand: what is looked for is in view, and what belongs in one line is in one line."""

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.monitor import Monitor
from pulse.probe import Outcome, ProbeError, Timings
from pulse.roles import Role
from tests.browser.conftest import sign_in
from tests.browser.test_key_life import create
from tests.calls import call
from tests.factories import Person, join, make_person
from tests.live import Server
from tests.monitors import BAD, GOOD, check, make_monitor

PHONE = {"width": 375, "height": 700}


@pytest.fixture
def scripts() -> bool:
    """Layout is looked at with scripts; what does without them has tests of its own."""
    return True


def edges(place: Locator) -> tuple[float, float]:
    """Return where something begins and ends along the line, in px."""
    box = place.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"]


def middle(place: Locator) -> float:
    """Return how far down the middle of something is, in px."""
    box = place.bounding_box()
    assert box
    return box["y"] + box["height"] / 2


@pytest.mark.parametrize("path", ["/settings/api-keys", "/alerts/channels", "/incidents"])
def test_a_short_page_does_not_scroll(page: Page, alice: Person, path: str):
    sign_in(page, alice)

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("path", ["/alerts", "/alerts/channels", "/alerts/outages"])
def test_the_present_tab_is_in_view_on_a_phone(page: Page, alice: Person, path: str):
    sign_in(page, alice)
    page.set_viewport_size(PHONE)

    page.goto(path)

    left, right = edges(page.get_by_role("navigation", name="Alerts").locator("[aria-current]"))
    assert left >= 0
    assert right <= PHONE["width"]


def test_a_tab_that_is_chosen_comes_into_view(page: Page, alice: Person):
    sign_in(page, alice)
    page.set_viewport_size(PHONE)
    page.goto("/alerts")

    page.get_by_role("link", name="Planned Outages").click()
    page.get_by_role("heading", name="Planned Outages", exact=True).wait_for()

    assert edges(page.get_by_role("navigation", name="Alerts").locator("[aria-current]"))[1] <= PHONE["width"]


def test_the_menu_ends_where_the_content_does(page: Page, alice: Person):
    sign_in(page, alice)
    page.set_viewport_size(PHONE)
    page.goto("/alerts")

    inside = page.get_by_role("button", name="Menu").evaluate(
        "each => { const words = document.createRange(); words.selectNodeContents(each);"
        " return words.getBoundingClientRect().right; }"
    )

    assert inside == pytest.approx(edges(page.get_by_role("navigation", name="Alerts"))[1], abs=1)


def test_every_icon_of_the_sidebar_stands_in_one_column(page: Page, alice: Person):
    sign_in(page, alice)

    page.goto("/incidents")

    icons = page.get_by_role("navigation", name="Main").locator(".icon:visible").all()
    assert len(icons) == 8
    assert len({edges(icon)[0] for icon in icons}) == 1


def test_what_arrived_is_in_view_on_a_phone(page: Page, server: Server, alice: Person):
    page.set_viewport_size(PHONE)
    sign_in(page, alice)
    page.goto("/settings/api-keys")
    token = create(page, "Dashboard", "monitors:read")

    assert call(f"{server.url}/api/v1/monitors", token=token).status == 200

    expect(page.get_by_text("The token works.")).to_be_in_viewport(ratio=1)
    assert middle(page.get_by_text("The token works.")) < middle(page.get_by_role("button", name="Done")) - 20


def test_showing_the_token_moves_nothing(page: Page, alice: Person):
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, alice)
    page.goto("/settings/api-keys/new?name=Dashboard&ability=monitors:read")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    dialog, copy = page.get_by_role("dialog", name="Token"), page.get_by_role("button", name="Copy", exact=True)
    dialog.wait_for()
    before = dialog.bounding_box(), copy.bounding_box()

    page.get_by_role("button", name="Show").click()

    assert (dialog.bounding_box(), copy.bounding_box()) == before


def test_a_rows_button_stands_in_its_line(page: Page, alice: Person):
    sign_in(page, alice)

    page.goto("/alerts/channels")

    line = middle(page.get_by_role("link", name="Owner", exact=True))
    assert middle(page.get_by_role("button", name="Send Test Notification")) == pytest.approx(line, abs=2)
    assert middle(page.get_by_role("link", name="Delete")) == pytest.approx(line, abs=2)


@pytest.fixture
def checked(alice: Person) -> str:
    """A monitor with checks of every shape; the path of its page."""
    monitor = make_monitor(alice)
    timed = Timings(dns=1_500, connect=12_300, tls=30_000, first_byte=70_000, total=90_000)
    check(monitor, GOOD, BAD, Outcome.failure(ProbeError.TIMEOUT), Outcome.reply(200, timed, expected=200))
    path = f"/monitors/{monitor.id}"
    db.session.rollback()
    return path


def test_the_buttons_of_a_monitor_stand_in_an_even_grid_on_a_phone(page: Page, alice: Person, checked: str):
    sign_in(page, alice)
    page.set_viewport_size(PHONE)

    page.goto(checked)

    boxes = [each.bounding_box() for each in page.locator(".acts .button").all()]
    places = [(round(box["x"]), round(box["y"])) for box in boxes if box]
    assert len(places) == 4
    assert len({x for x, _ in places}) == len({y for _, y in places}) == 2
    assert len({round(box["width"]) for box in boxes if box}) == 1


@pytest.mark.parametrize("width", [320, 375])
def test_a_check_takes_two_lines_on_a_phone_and_its_phases_a_third(page: Page, alice: Person, checked: str, width: int):
    sign_in(page, alice)
    page.set_viewport_size({"width": width, "height": 700})

    page.goto(checked)

    line = page.evaluate("parseFloat(getComputedStyle(document.body).lineHeight)")
    rows = page.locator("#checks tbody tr")
    inside = [row.evaluate("each => each.clientHeight - parseFloat(getComputedStyle(each).paddingTop) * 2") for row in rows.all()]
    first, *others = [round(height / line) for height in inside]
    assert first in {3, 4}  # by how long the phases took
    assert max(others) <= (3 if width == 320 else 2)  # on the narrowest the longest error has a line of its own
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_role_stands_in_one_line_with_its_button_on_a_phone(page: Page, app: Flask, alice: Person):
    join(make_person(app, "Bob", "bob@example.com"), alice.team, Role.MEMBER)
    sign_in(page, alice)
    page.set_viewport_size(PHONE)

    page.goto("/organization")

    button = page.get_by_role("button", name="Change Role of Bob")
    assert middle(page.get_by_label("Role of Bob")) == pytest.approx(middle(button), abs=1)


def test_the_figures_behind_a_picture_fit_a_phone(page: Page, alice: Person, checked: str):
    check(db.session.query(Monitor).one(), GOOD, at=utcnow() - timedelta(hours=2))
    db.session.rollback()
    sign_in(page, alice)
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(checked)

    page.get_by_text("Response times as a table").click()

    expect(page.get_by_role("cell", name="Slowest").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_name_of_a_monitor_has_the_most_room(browser: Browser, server: Server, app: Flask):
    person = make_person(app, "Alice", "alice@example.com")
    check(make_monitor(person, name="Shop checkout", url="https://shop.example.com/checkout"), GOOD)
    page = browser.new_page(base_url=server.url, viewport={"width": 1280, "height": 900})
    sign_in(page, person)

    page.goto("/monitors")

    widths = [right - left for left, right in map(edges, page.get_by_role("columnheader").all())]
    page.close()
    assert widths[0] == max(widths)


@pytest.mark.parametrize("scripted", [True, False], ids=["scripts on", "scripts off"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_whole_token_shows(browser: Browser, server: Server, alice: Person, width: int, scripted: bool):
    context = browser.new_context(base_url=server.url, java_script_enabled=scripted, viewport={"width": width, "height": 700})
    page = context.new_page()
    sign_in(page, alice)
    page.goto("/settings/api-keys")
    create(page, "Dashboard", "monitors:read")

    hidden = page.get_by_label("Token", exact=True).evaluate(
        "each => [each.scrollWidth - each.clientWidth, each.scrollHeight - each.clientHeight]"
    )

    context.close()
    assert hidden == [0, 0]


def test_a_channel_asks_only_for_what_its_type_needs(page: Page, alice: Person):
    sign_in(page, alice)
    page.goto("/alerts/channels/new")
    target, owner = page.get_by_label("Target", exact=True), page.locator("input[value=owner]")
    owner.check()
    expect(target).to_be_hidden()

    page.get_by_label("Type").select_option("webhook")

    expect(target).to_be_visible()
    expect(owner).to_be_hidden()
