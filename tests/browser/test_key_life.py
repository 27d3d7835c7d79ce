"""The whole life of a key, by its labels, with scripts on and off; the token is then used over HTTP."""

import re

from playwright.sync_api import Page, expect

from pulse import tokens
from tests.browser.conftest import sign_in
from tests.calls import call
from tests.factories import Person
from tests.live import Server

SHOWN = re.compile(r"^pulse_[0-9A-Za-z]{46}$")


def open_tab(page: Page) -> None:
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("link", name="API Keys", exact=True).click()
    expect(page.get_by_role("heading", name="API Keys", exact=True)).to_be_visible()


def create(page: Page, name: str, *abilities: str) -> str:
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    for ability in abilities:
        dialog.locator(f"input[value='{ability}']").check()
    dialog.get_by_role("button", name="Create", exact=True).click()
    return read_token(page)


def read_token(page: Page) -> str:
    field = page.get_by_role("dialog").get_by_label("Token", exact=True)
    expect(field).to_be_visible()
    show = page.get_by_role("dialog").get_by_role("button", name="Show")
    if show.is_visible():
        assert not SHOWN.match(field.input_value())
        show.click()
    token = field.input_value()
    assert tokens.is_well_formed(token)
    return token


def act(page: Page, name: str, label: str) -> None:
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=label).click()


def done(page: Page, scripts: bool) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Done").click()
    if scripts and page.get_by_role("dialog").is_visible():
        page.get_by_role("dialog").get_by_role("button", name="Done").click()  # asked once: the token was not copied
    expect(page.get_by_role("dialog")).to_have_count(0)


def status(server: Server, token: str) -> tuple[int, str | None]:
    answer = call(f"{server.url}/api/v1/key", token=token)
    return answer.status, answer.json.get("code")


def wait_for_use(page: Page, name: str) -> None:
    """Look again until the list knows that the key was used: that is written beside the request."""
    for _ in range(50):
        if "Never" not in page.get_by_role("row").filter(has_text=name).inner_text():
            return
        page.wait_for_timeout(200)
        page.reload()
    raise AssertionError(f"{name} was used, and the list does not say so")


def test_a_key_is_created_used_rotated_and_deleted(page: Page, server: Server, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)

    first = create(page, "CI/CD Pipeline", "monitors:read", "monitors:write")
    assert status(server, first) == (200, None)
    done(page, scripts)
    row = page.get_by_role("row").filter(has_text="CI/CD Pipeline")
    expect(row).to_contain_text(f"…{first[-8:]}")
    expect(row).to_contain_text("monitors:write")

    act(page, "CI/CD Pipeline", "Rotate")
    expect(page.get_by_role("dialog")).to_contain_text("stops working at once")
    page.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()
    second = read_token(page)
    assert status(server, first) == (401, "token_rotated")
    assert status(server, second) == (200, None)
    expect(page.get_by_role("dialog")).to_contain_text(f"…{first[-8:]}")
    done(page, scripts)

    wait_for_use(page, "CI/CD Pipeline")
    act(page, "CI/CD Pipeline", "Delete")
    expect(page.get_by_role("dialog")).to_contain_text("permanent")
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"In use: \d requests? in the last 24 hours from 1 client"))
    page.get_by_role("dialog").get_by_role("button", name="Delete Key").click()
    expect(page.get_by_role("dialog")).to_contain_text("Type its name, CI/CD Pipeline, to delete it.")
    page.get_by_role("dialog").get_by_label("Type the name to confirm").fill("CI/CD Pipeline")
    page.get_by_role("dialog").get_by_role("button", name="Delete Key").click()
    expect(page.get_by_role("row").filter(has_text="CI/CD Pipeline")).to_have_count(0)
    assert status(server, second) == (401, "token_deleted")
    assert status(server, first) == (401, "token_rotated")
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()


def test_a_refused_form_keeps_what_was_typed(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nightly report")

    dialog.get_by_role("button", name="Create", exact=True).click()

    expect(page.get_by_role("dialog")).to_contain_text("Choose at least one permission.")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value("Nightly report")


def test_cancel_changes_nothing(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)

    page.get_by_role("link", name="Create API Key").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()


def test_a_link_opens_a_form_that_is_filled_in(page: Page, alice: Person):
    sign_in(page, alice)

    page.goto("/settings/api-keys/new?name=Dashboard&ability=monitors:read&ability=checks:read")

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("Dashboard")
    expect(dialog.locator("input[value='checks:read']")).to_be_checked()
    expect(dialog.locator("input[value='monitors:write']")).not_to_be_checked()


def test_a_rotation_is_followed_client_by_client(page: Page, server: Server, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)
    first = create(page, "CI/CD Pipeline", "monitors:read")
    done(page, scripts)
    clients = [f"runner-{number}/1.0" for number in range(1, 6)]
    for client in clients:
        assert call(f"{server.url}/api/v1/monitors", token=first, agent=client).status == 200
    wait_for_use(page, "CI/CD Pipeline")
    page.wait_for_timeout(2500)
    act(page, "CI/CD Pipeline", "Rotate")
    expect(page.get_by_role("dialog")).to_contain_text("In use: 5 requests in the last 24 hours from 5 clients.")
    page.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()
    second = read_token(page)
    done(page, scripts)

    for moved, client in enumerate(clients, 1):
        assert call(f"{server.url}/api/v1/monitors", token=second, agent=client).status == 200
        for _ in range(50):
            page.goto("/settings/api-keys")
            if f"{moved} of 5" in page.get_by_role("row").filter(has_text="CI/CD Pipeline").inner_text() or moved == 5:
                break
            page.wait_for_timeout(200)
        if moved < 5:
            expect(page.get_by_role("link", name=f"{moved} of 5 clients moved to the new token")).to_be_visible()

    page.wait_for_timeout(2500)
    page.get_by_role("link", name="CI/CD Pipeline", exact=True).click()
    expect(page.get_by_text("All 5 clients have moved to the new token.")).to_be_visible()


def test_the_reveal_tells_the_first_request_as_it_comes(page: Page, server: Server, alice: Person, scripts: bool):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "Dashboard", "monitors:read")
    dialog = page.get_by_role("dialog")
    if not scripts:
        expect(dialog).to_contain_text("the key's page shows whether it has been used")
        return
    expect(dialog).to_contain_text("Waiting for the first request")

    assert call(f"{server.url}/api/v1/incidents", token=token, agent="report/1.0").status == 403

    expect(dialog).to_contain_text("Received: GET /api/v1/incidents, 403, 127.0.0.1")
    expect(dialog).to_contain_text("Permission missing.")
    expect(dialog).to_contain_text("report/1.0")
    expect(dialog.get_by_label("Token", exact=True)).to_have_value(token)


def test_a_reveal_survives_the_end_of_its_session_and_an_outage_of_the_poll(page: Page, alice: Person, scripts: bool):
    if not scripts:
        return
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "Dashboard", "monitors:read")
    page.context.clear_cookies()
    page.route("**/arrival**", lambda route: route.abort() if page.url.endswith("#cut") else route.continue_())
    page.wait_for_timeout(2500)
    page.evaluate("location.hash = 'cut'")
    page.wait_for_timeout(2500)

    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Token", exact=True)).to_have_value(token)
    expect(dialog.locator("[data-status]")).to_be_hidden()


def test_a_stale_tab_cannot_rotate_twice(page: Page, server: Server, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    create(page, "CI/CD Pipeline", "monitors:read")
    page.goto("/settings/api-keys")
    stale = page.context.new_page()
    for each in (page, stale):
        each.goto("/settings/api-keys")
        each.get_by_role("link", name="CI/CD Pipeline", exact=True).click()
        each.get_by_role("link", name="Rotate", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()
    second = read_token(page)

    stale.get_by_role("dialog").get_by_role("button", name="Rotate Key").click()

    dialog = stale.get_by_role("dialog", name="Rotate “CI/CD Pipeline”")
    expect(dialog).to_contain_text("This token was already replaced.")
    expect(dialog.get_by_role("button", name="Rotate Key")).to_have_count(0)
    assert status(server, second) == (200, None)
    dialog.get_by_role("link", name="Reload").click()
    expect(stale.get_by_role("dialog")).to_have_count(0)
    expect(stale.get_by_text(f"…{second[-8:]}").first).to_be_visible()


def test_a_date_that_was_not_chosen_is_asked_for(page: Page, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Nightly report")
    dialog.locator("input[value='monitors:read']").check()
    dialog.get_by_label("Expires").select_option("Date")

    dialog.get_by_role("button", name="Create", exact=True).click()

    expect(dialog).to_contain_text("Choose a date.")
    expect(dialog.get_by_label("Date", exact=True)).to_be_focused()


def test_a_smaller_plan_is_asked_about_first(page: Page, server: Server, alice: Person):
    sign_in(page, alice)
    open_tab(page)
    token = create(page, "CI/CD Pipeline", "monitors:read")
    page.goto("/settings/billing")

    page.get_by_role("link", name="Choose Free").click()

    dialog = page.get_by_role("dialog", name="Choose Free for “Alice’s team”")
    expect(dialog).to_contain_text("API access stops.")
    assert status(server, token) == (200, None)
    dialog.get_by_role("button", name="Choose Free").click()
    expect(page.get_by_text("Alice’s team is now on the Free plan.")).to_be_visible()
    assert status(server, token) == (403, "plan_required")
    page.get_by_role("button", name="Choose Team").click()
    expect(page.get_by_text("Alice’s team is now on the Team plan.")).to_be_visible()
    assert status(server, token) == (200, None)
