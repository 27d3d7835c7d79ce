"""The whole life of a monitor, by its labels, with scripts on and off; and a list that keeps itself up to date."""

from playwright.sync_api import Page, expect

from pulse.extensions import db
from pulse.models.monitor import Monitor
from tests.browser.conftest import sign_in
from tests.factories import Person
from tests.live import free_port
from tests.monitors import BAD, GOOD, check, make_monitor

PATIENCE = 30_000


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_monitor_is_created_changed_checked_paused_and_deleted(page: Page, alice: Person):
    address = f"http://127.0.0.1:{free_port()}/"
    sign_in(page, alice)
    page.get_by_role("link", name="New Monitor").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("URL").fill(address)
    press(page, "Create Monitor")
    expect(page.get_by_role("heading", name="Shop", exact=True)).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("Pending")

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Shop checkout")
    page.get_by_label("Expected Status Code").fill("204")
    press(page, "Save")
    expect(page.get_by_role("heading", name="Shop checkout")).to_be_visible()

    press(page, "Run Manual Check")
    expect(page.locator("#panel").get_by_text("Manual check: Down, connection refused.")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#checks tbody tr")).to_have_count(1)
    expect(page.get_by_role("region", name="Response time")).to_contain_text("1 check in the last 24 hours.")

    press(page, "Pause Monitor")
    expect(page.locator(".lead")).to_contain_text("Paused")
    press(page, "Resume Monitor")
    expect(page.locator(".lead")).to_contain_text("Down")

    page.get_by_role("link", name="Delete Monitor").click()
    expect(page.get_by_role("dialog")).to_contain_text("permanent")
    page.get_by_role("dialog").get_by_role("button", name="Delete Monitor").click()
    expect(page.get_by_role("heading", name="No monitors yet")).to_be_visible()


def test_span_and_filter_are_kept_by_address_and_back(page: Page, alice: Person):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, GOOD)
    path = f"/monitors/{monitor.id}"
    db.session.rollback()
    sign_in(page, alice)
    page.goto(path)

    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".spans [aria-current]")).to_have_text("7 days")
    page.get_by_label("Result").select_option("Down")
    press(page, "Filter")
    expect(page.locator("#checks tbody tr")).to_have_count(1)
    expect(page.locator(".spans [aria-current]")).to_have_text("7 days")
    page.reload()
    expect(page.locator("#checks tbody tr")).to_have_count(1)
    page.go_back()

    expect(page.locator("#checks tbody tr")).to_have_count(3)


def test_a_time_that_is_none_is_told_and_nothing_typed_is_lost(page: Page, alice: Person):
    monitor = make_monitor(alice)
    check(monitor, GOOD)
    path = f"/monitors/{monitor.id}"
    db.session.rollback()
    sign_in(page, alice)

    page.goto(f"{path}?since=yesterday&status=up")

    expect(page.get_by_text("Enter a date and a time")).to_be_visible()
    expect(page.get_by_label("Result")).to_have_value("up")


def open_list(page: Page, alice: Person) -> Monitor:
    shop, blog = make_monitor(alice, name="Shop"), make_monitor(alice, name="Blog", url="https://blog.example.com/")
    check(shop, GOOD)
    check(blog, GOOD)
    db.session.rollback()
    sign_in(page, alice)
    page.goto("/monitors")
    expect(page.get_by_role("row").filter(has_text="Shop")).to_contain_text("Up")
    db.session.rollback()
    return db.session.get_one(Monitor, shop.id)


def test_the_list_follows_what_happens_and_keeps_the_focus(page: Page, alice: Person, scripts: bool):
    monitor = open_list(page, alice)
    link = page.get_by_role("link", name="Shop", exact=True)
    link.focus()
    node = link.element_handle()
    check(monitor, BAD, BAD)
    db.session.rollback()

    if not scripts:
        page.reload()
    expect(page.get_by_role("row").filter(has_text="Shop")).to_contain_text("Down", timeout=PATIENCE)
    expect(page.get_by_role("region", name="Active incidents")).to_contain_text("Shop is down")

    if scripts:
        assert node is not None
        assert node.evaluate("node => node.isConnected && document.activeElement === node")


def test_the_list_asks_nothing_while_nobody_looks(page: Page, alice: Person, scripts: bool):
    monitor = open_list(page, alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    if scripts:
        page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away ?? true, configurable: true })")
    check(monitor, BAD)
    db.session.rollback()

    page.wait_for_timeout(6_500)

    assert asked == []
    if scripts:
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_role("row").filter(has_text="Shop")).to_contain_text("Down", timeout=PATIENCE)
