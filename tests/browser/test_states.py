"""Every state of every page: axe finds nothing, light and dark, and nothing scrolls sideways.

Each state is brought about once and then looked at in every way, for bringing it about is what takes long.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page

from pulse.plans import Plan
from tests.browser.conftest import sign_in
from tests.factories import make_person
from tests.live import Server
from tests.shots import STATES, cast_alerts, cast_keys, cast_monitors, cast_team

ALICES = [name for name, (who, _) in STATES.items() if who == "alice"]
OTHERS = ["keys-empty", "keys-free", "sign-in", "sign-up", "forgot", "billing-free", "monitors-empty", "monitors-new"]
TEAMS = [
    *("organization-switch", "organization-admin", "organization-viewer", "organization-free"),
    *("monitor-elsewhere", "monitor-new-strayed"),
]
INVITED = ["invitation", "invitation-other", "invitation-ended"]
PARTS = 8
"""Into how many tests the states are dealt out, so that none takes long."""


SIZES = {
    "900 px": {"width": 900, "height": 700},
    "text at 200 % of 1536 px": {"width": 768, "height": 432},
    "text at 200 % of 1280 px": {"width": 640, "height": 400},
    "320 px": {"width": 320, "height": 640},
}
"""Twice the text on 1536 px is, to the layout, the same text on 768 px. The sidebar leaves least room just where it begins."""
OVERFLOW = """() => {
    const widest = document.documentElement.clientWidth;
    const wide = [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] .body')];
    const isWide = each => each.scrollWidth > each.clientWidth + 1 || each.clientWidth > widest;
    return wide.filter(isWide).map(each => each.outerHTML.slice(0, 120));
}"""


def faults(page: Page) -> list[str]:
    """Look at a page in every way; return what is wrong with it."""
    found: list[str] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        seen = Axe().run(page).response["violations"]
        found += [f"{theme}: {each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in seen]
    for name, size in SIZES.items():
        page.set_viewport_size(size)
        found += [f"scrolls at {name}: {each}" for each in page.evaluate(OVERFLOW)]
    return found


@pytest.fixture
def cast(app: Flask):
    people = {"alice": make_person(app, "Alice", "alice@example.com")}
    people |= cast_team(app, people["alice"])
    cast_keys(people["alice"])
    cast_monitors(people["alice"])
    cast_alerts(people["alice"])
    people["charlie"] = make_person(app, "Charlie", "charlie@example.com", Plan.STARTER)
    people["frank"] = make_person(app, "Frank", "frank@example.com", Plan.FREE)
    return people


@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_and_nothing_scrolls_sideways(browser: Browser, server: Server, cast, part):
    context = browser.new_context(base_url=server.url)
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
