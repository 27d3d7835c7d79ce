"""Links in notifications: they lead to what they name, whichever of one's teams one looks at."""

from datetime import datetime

import pytest

from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.session import BrowserSession
from tests.alerts import make_channel, make_rule, plan_outage
from tests.helpers import HTMX, soup, text
from tests.monitors import BAD, check, make_monitor
from tests.teams import look_at
from tests.web.forms import press, words

PATHS = {
    "/incidents/{incident}": "incident",
    "/incidents/{incident}/resolve": "incident",
    "/monitors/{monitor}": "monitor",
    "/monitors/{monitor}/edit": "monitor",
    "/alerts/rules/{rule}/edit": "rule",
    "/alerts/channels/{channel}/delete": "channel",
    "/alerts/outages/{outage}/edit": "planned outage",
}


@pytest.fixture
def ids(alice):
    """One thing of every kind in Alice's team."""
    monitor = make_monitor(alice, name="Canary")
    check(monitor, BAD, BAD)
    outage = plan_outage(alice, datetime(2096, 3, 1, 2), datetime(2096, 3, 1, 4))  # noqa: DTZ001 - the wall's own time
    rule, channel = make_rule(alice), make_channel(alice).channel
    incident = db.session.query(Incident).one()
    made = {"monitor": monitor, "incident": incident, "rule": rule, "channel": channel, "outage": outage}
    return {name: each.id for name, each in made.items()}


@pytest.fixture
def at_home(visitor, bob):
    """Bob's browser, in his own team, though he belongs to Alice's as well."""
    visitor.sign_in(bob)
    look_at(bob.team)
    return visitor


@pytest.mark.parametrize("path", PATHS)
def test_a_member_is_told_where_it_is_and_led_there_by_a_button(at_home, alice, ids, path):
    path = path.format(**ids)

    page = at_home.get(path)
    told = words(soup(page).find(id="panel"))
    reply = press(at_home, "Switch to Alice’s team")

    noun = next(noun for each, noun in PATHS.items() if each.format(**ids) == path)
    assert page.status_code == 200
    assert told == f"In another team This {noun} belongs to your team Alice’s team. Switch to Alice’s team"
    assert "Canary" not in page.get_data(as_text=True)
    assert (reply.status_code, reply.headers["Location"]) == (303, path)
    assert at_home.get(path).status_code == 200
    assert "Alice’s team" in words(soup(at_home.last).select_one(".team .name"))


def test_looking_alone_switches_nothing(at_home, bob, ids):
    at_home.get(f"/incidents/{ids['incident']}?team_id={ids['incident']}")

    db.session.rollback()
    assert [each.team_id for each in db.session.query(BrowserSession)] == [bob.team_id]
    assert "Canary" not in text(at_home.get("/monitors"))


def test_htmx_is_told_in_a_fragment(at_home, ids):
    reply = at_home.fragment(f"/monitors/{ids['monitor']}")

    assert reply.status_code == 404
    assert text(reply) == "This monitor belongs to your team Alice’s team. Switch to that team, then open it again."


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("path", PATHS)
def test_to_anybody_else_it_is_what_does_not_exist(visitor, charlie, ids, path, headers):
    visitor.sign_in(charlie)
    none = dict.fromkeys(ids, 987654321)

    replies = [visitor.get(path.format(**each), headers=headers) for each in (ids, none)]

    bodies = [each.get_data(as_text=True).replace(each.headers["X-Request-Id"], "") for each in replies]
    assert [each.status_code for each in replies] == [404, 404]
    assert bodies[0] == bodies[1]
    assert "Alice" not in bodies[0]


def test_an_act_on_it_is_not_found(at_home, ids):
    reply = at_home.submit(f"/monitors/{ids['monitor']}/pause", page="/organization")

    assert (reply.status_code, "Alice" in words(soup(reply).find(id="panel"))) == (404, False)


def test_whoever_was_removed_is_told_nothing(at_home, alice, bob, ids):
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    assert at_home.get(f"/incidents/{ids['incident']}").status_code == 404


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "javascript:alert(1)"])
def test_the_switch_leads_to_no_other_host(at_home, alice, wanted):
    reply = at_home.submit("/organization/switch", {"team_id": alice.team_id, "next": wanted}, page="/organization")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
