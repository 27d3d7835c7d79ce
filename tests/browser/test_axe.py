"""axe finds nothing, in any state of the API Keys tab and of the other pages, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page

from pulse.plans import Plan
from tests.browser.conftest import sign_in
from tests.factories import make_person
from tests.live import Server
from tests.shots import STATES, cast_keys, cast_monitors, cast_team

ALICES = [name for name, (who, _) in STATES.items() if who == "alice"]
OTHERS = ["keys-empty", "keys-free", "sign-in", "sign-up", "forgot", "billing-free", "monitors-empty", "monitors-new"]
TEAMS = ["organization-switch", "organization-admin", "organization-viewer", "organization-free"]
INVITED = ["invitation", "invitation-other", "invitation-ended"]
PARTS = 6
"""Into how many tests the states are dealt out, so that none takes long."""


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


@pytest.fixture
def cast(app: Flask):
    people = {"alice": make_person(app, "Alice", "alice@example.com")}
    people |= cast_team(app, people["alice"])
    cast_keys(people["alice"])
    cast_monitors(people["alice"])
    people["charlie"] = make_person(app, "Charlie", "charlie@example.com", Plan.STARTER)
    people["frank"] = make_person(app, "Frank", "frank@example.com", Plan.FREE)
    return people


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, server: Server, cast, theme, part):
    context = browser.new_context(base_url=server.url, color_scheme=theme)
    found = {}
    signed_in = None
    for name in [*ALICES, *OTHERS, *TEAMS, *INVITED][part::PARTS]:
        who, act = STATES[name]
        page = context.new_page()
        if who != signed_in:
            context.clear_cookies()
            if who:
                sign_in(page, cast[who])
            signed_in = who
        act(page)
        found[name] = faults(page)
        page.close()
    context.close()

    assert {name: each for name, each in found.items() if each} == {}
