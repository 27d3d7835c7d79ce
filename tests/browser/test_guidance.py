"""What the screen says keeps true while somebody looks at it."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_key_life import act, create, done, open_tab, read_token
from tests.calls import call
from tests.factories import Person
from tests.live import Server


def wait_until_written(page: Page, scripts: bool) -> None:
    """Requests are written down beside themselves, at the latest two seconds on; the reveal tells of the first."""
    if scripts:
        expect(page.get_by_role("dialog")).to_contain_text("Received:")
    else:
        page.wait_for_timeout(2500)


def test_after_done_the_list_tells_of_the_request_that_the_reveal_received(
    page: Page, server: Server, alice: Person, scripts: bool
):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "Dashboard", "monitors:read")
    assert call(f"{server.url}/api/v1/monitors", token=token).status == 200
    wait_until_written(page, scripts)

    done(page, scripts)

    expect(page.get_by_role("row").filter(has_text="Dashboard")).not_to_contain_text("Never")


def test_after_done_the_list_tells_how_many_have_moved(page: Page, server: Server, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)
    first = create(page, "Dashboard", "monitors:read")
    for client in ("one", "two"):
        assert call(f"{server.url}/api/v1/monitors", token=first, agent=client).status == 200
    page.wait_for_timeout(2500)
    done(page, scripts)
    act(page, "Dashboard", "Rotate")
    page.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()
    second = read_token(page)
    assert call(f"{server.url}/api/v1/monitors", token=second, agent="one").status == 200
    wait_until_written(page, scripts)

    done(page, scripts)

    expect(page.get_by_role("link", name="1 of 2 clients moved to the new token")).to_be_visible()


def test_a_rotation_begun_on_the_keys_page_ends_there(page: Page, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)
    first = create(page, "Widget", "monitors:read")
    done(page, scripts)
    page.get_by_role("link", name="Widget", exact=True).click()
    page.get_by_role("link", name="Rotate", exact=True).click()

    page.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()
    second = read_token(page)
    done(page, scripts)

    expect(page.get_by_role("heading", name="Widget", exact=True)).to_be_visible()
    expect(page.get_by_role("navigation", name="Settings")).to_be_visible()
    expect(page.get_by_label("Facts")).to_contain_text(second[-8:])
    expect(page.get_by_role("row").filter(has_text=first[-8:])).to_have_count(2)  # in Former tokens and in History


def test_a_fault_is_said_until_its_field_is_changed(page: Page, alice: Person, scripts: bool):
    sign_in(page, alice)
    page.goto("/settings/api-keys/new")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Enter a name.")).to_be_visible()

    page.get_by_label("Name").fill("Dashboard")

    expect(page.get_by_text("Enter a name.")).to_have_count(0 if scripts else 1)
    expect(page.get_by_text("Choose at least one permission.")).to_have_count(1)


def test_the_choice_of_expiry_says_what_it_comes_to(page: Page, alice: Person):
    sign_in(page, alice)
    page.goto("/settings/api-keys/new")
    expect(page.get_by_text("It works until it is deleted.")).to_be_visible()

    page.get_by_label("Expires").select_option("30 days")

    expect(page.get_by_text("You get an email 7 and 1 days before")).to_be_visible()
    expect(page.get_by_text("It works until it is deleted.")).to_be_hidden()


def test_a_line_of_the_docs_is_copied(page: Page, scripts: bool):
    page.goto("/docs")
    button = page.locator("[data-copy]").first
    if not scripts:
        expect(button).to_be_hidden()
        return

    button.click()

    expect(button).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl ")
