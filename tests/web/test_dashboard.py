"""The dashboard: how things stand, for the team that is looked at, and as they change."""

from datetime import timedelta

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.incident import Incident
from tests.helpers import soup, text
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.web.forms import words

PAGE = "/dashboard"


def figures(page) -> dict[str, str]:
    return {words(each.find("dt")): words(each.find("dd")) for each in soup(page).select("dl.figures > div")}


def rows(page, heading: str) -> list[str]:
    section = soup(page).find("section", {"aria-labelledby": heading})
    return [words(row.find("a")) for row in section.select("tbody tr")] if section else []


def test_it_counts_monitors_by_state_and_tells_their_uptime(tab, alice, charlie):
    check(make_monitor(alice, name="Shop"), GOOD, GOOD, GOOD)
    check(make_monitor(alice, name="Blog"), BAD)
    make_monitor(alice, name="New")
    paused = make_monitor(alice, name="Old")
    paused.pause(db.session, alice.actor)
    check(make_monitor(charlie, name="Foreign"), BAD, BAD)

    page = tab.get(PAGE)

    assert figures(page) == {"Up": "1", "Down": "1", "Paused": "1", "Pending": "1", "Uptime, 24 hours": "75.00%"}
    assert rows(page, "down-heading") == ["Blog"]
    assert "Foreign" not in text(page)


def test_active_incidents_stand_first_and_resolved_ones_for_a_day(tab, alice):
    shop, blog, old = (make_monitor(alice, name=name) for name in ("Shop", "Blog", "Old"))
    check(shop, BAD, BAD)
    check(blog, BAD, BAD, GOOD, GOOD)
    check(old, BAD, BAD, GOOD, GOOD)
    ended = db.session.query(Incident).filter_by(monitor_id=old.id).one()
    ended.started_at = ended.resolved_at = utcnow() - timedelta(hours=25)
    db.session.commit()

    page = tab.get(PAGE)

    assert rows(page, "active-heading") == ["Shop is down"]
    assert rows(page, "ended-heading") == ["Blog is down"]


def test_without_trouble_it_says_so(tab, alice):
    check(make_monitor(alice), GOOD)

    page = tab.get(PAGE)

    assert "No active incidents." in text(page)
    assert rows(page, "down-heading") == rows(page, "ended-heading") == []


def test_without_monitors_it_leads_to_the_first(tab):
    page = soup(tab.get(PAGE))

    assert "Nothing is watched yet" in words(page)
    assert page.find("a", href="/monitors/new")
    assert page.find(id="live-dashboard") is None


def test_more_than_a_screenful_is_told_and_where_it_is(tab, alice):
    for number in range(12):
        check(make_monitor(alice, name=f"M{number:02}"), BAD, BAD)

    page = tab.get(PAGE)

    assert len(rows(page, "active-heading")) == len(rows(page, "down-heading")) == 10
    links = [words(each) for each in soup(page).select("section p a")]
    assert links == ["All incidents", "All monitors"]


def test_the_part_that_lives_is_asked_for_alone(tab, alice):
    check(make_monitor(alice), GOOD)
    address = soup(tab.get(PAGE)).find(id="live-dashboard")["hx-get"]

    part = tab.fragment(address)
    by_hand = tab.get(address)

    assert soup(part).find("h1") is None
    assert figures(part)["Up"] == "1"
    assert (by_hand.status_code, by_hand.headers["Location"]) == (303, PAGE)


def test_what_it_costs_does_not_grow_with_the_monitors(tab, alice, statements):
    check(make_monitor(alice), BAD, BAD)
    with statements() as few:
        tab.get(PAGE)
    for number in range(9):
        check(make_monitor(alice, name=f"M{number}"), BAD, BAD)
    with statements() as many:
        tab.get(PAGE)

    assert len(many) == len(few) <= 13


def test_nobody_sees_it_without_signing_in(visitor):
    assert visitor.get(PAGE).headers["Location"].startswith("/sign-in")
