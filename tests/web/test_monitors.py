"""Monitors in the browser: the list, one with its checks, pausing and deleting, with scripts and without."""

from datetime import timedelta

import pytest

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.plans import Plan
from tests.helpers import soup, text
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.web.forms import press, words


def only():
    """Return the one monitor there is."""
    db.session.rollback()
    return db.session.query(Monitor).one()


def test_no_monitors_yet_is_said_with_the_way_to_the_first(tab):
    page = tab.get("/monitors")

    assert "No monitors yet" in text(page)
    assert [each["href"] for each in soup(page).find_all("a") if words(each) == "New Monitor"] == ["/monitors/new"]


def test_the_list_shows_state_address_last_check_and_response_time(tab, alice):
    check(make_monitor(alice, name="Shop"), GOOD)
    check(make_monitor(alice, name="Blog"), BAD)
    make_monitor(alice, name="New")

    rows = [words(row) for row in soup(tab.get("/monitors")).select("tbody tr")]

    assert [row.split()[0] for row in rows] == ["Blog", "New", "Shop"]
    assert "Down unexpected status 0.00% 9 ms just now" in rows[0]
    assert "Pending No checks – Never" in rows[1]
    assert "https://shop.example.com/ Up 100.00% 12 ms" in rows[2]


def test_the_list_draws_the_last_24_hours_and_says_what_it_draws(tab, alice):
    monitor = make_monitor(alice)
    now = utcnow()
    for hours, outcome in ((1, GOOD), (3, BAD), (5, BAD), (30, BAD)):
        check(monitor, outcome, at=now - timedelta(hours=hours))

    picture = soup(tab.get("/monitors")).select_one("tbody svg")

    assert picture["aria-label"] == "Last 24 hours: failed checks in 2 of them"
    drawn = {each["class"][0]: each["d"].count("M") for each in picture.find_all("path")}
    assert drawn == {"checked": 3, "failed": 2, "missing": 21}


def test_active_incidents_stand_above_the_list_and_resolved_ones_do_not(tab, alice, charlie):
    for name in ("Shop", "Blog"):
        check(make_monitor(alice, name=name), BAD, BAD)
    check(make_monitor(alice, name="Well again"), BAD, BAD, GOOD, GOOD)
    check(make_monitor(charlie, name="Foreign"), BAD, BAD)

    page = soup(tab.get("/monitors"))

    shown = [words(each) for each in page.select("#active-incidents a")]
    assert shown == ["Blog is down", "Shop is down"]


def test_of_many_active_incidents_the_newest_are_shown_and_where_the_rest_is(tab, alice):
    for number in range(7):
        check(make_monitor(alice, name=f"M{number}"), BAD, BAD)

    links = soup(tab.get("/monitors")).select("#active-incidents a")

    assert [words(each) for each in links] == [*[f"M{number} is down" for number in (6, 5, 4, 3, 2)], "All incidents"]


def test_the_list_asks_for_itself_where_it_stands(tab, alice):
    for number in range(60):
        make_monitor(alice, name=f"M{number:02}")
    second = tab.get(soup(tab.get("/monitors")).find("a", rel="next")["href"])
    address = soup(second).select_one("#live-monitors")["hx-get"]

    again = tab.fragment(address)
    by_hand = tab.get(address)

    assert [words(each) for each in soup(again).select("tbody th a")] == [f"M{number}" for number in range(50, 60)]
    assert [each.get("id") for each in soup(again).find_all(recursive=False)] == ["live-monitors"]
    assert (by_hand.status_code, by_hand.headers["Location"]) == (303, "/monitors")


def test_what_was_to_be_told_is_not_lost_to_the_list_asking_for_itself(tab, alice):
    path = f"/monitors/{make_monitor(alice).id}"
    tab.submit(f"{path}/pause", page=path)

    tab.fragment("/monitors/live")

    assert "Shop is paused" in text(tab.get(path))


def test_the_list_costs_the_same_queries_however_long_it_is(tab, alice, statements):
    for number in range(2):
        check(make_monitor(alice, name=f"M{number}"), BAD, BAD)
    with statements() as few:
        tab.get("/monitors")
    for number in range(20):
        check(make_monitor(alice, name=f"N{number}"), BAD, BAD)

    with statements() as many:
        tab.get("/monitors")

    assert len(many) == len(few) <= 12


def test_a_long_list_comes_in_parts_both_ways(tab, alice):
    alice.set_plan(Plan.TEAM)
    names = [f"Monitor {number:03}" for number in range(120)]
    for name in names:
        make_monitor(alice, name=name)
    page, seen, parts = tab.get("/monitors"), [], []
    while True:
        parts.append([words(each) for each in soup(page).select("tbody th a")])
        seen += parts[-1]
        if (further := soup(page).find("a", rel="next")) is None:
            break
        page = tab.get(further["href"])

    back = tab.get(soup(page).find("a", rel="prev")["href"])

    assert seen == names
    assert [words(each) for each in soup(back).select("tbody th a")] == parts[-2]


@pytest.mark.parametrize(
    "odd", ["before=0", "before=x", "after=-1", "before=999999", "after=" + "9" * 40, "before=1%00", "after=٣"]
)
def test_a_nonsense_place_in_the_list_is_its_beginning(tab, alice, odd):
    make_monitor(alice)

    assert "Shop" in text(tab.get(f"/monitors?{odd}"))


def test_a_monitors_page_shows_facts_uptime_checks_and_trouble(tab, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, BAD)
    incident = db.session.query(Incident).one().id
    path = f"/monitors/{monitor.id}"

    page = tab.get(path)

    shown = text(page)
    assert "https://shop.example.com/" in shown
    assert "Uptime, 24 hours 33.33%" in shown
    assert [words(row).split()[-1] for row in soup(page).select("#checks tbody tr")] == ["Manual"] * 3
    assert soup(page).find("a", href=f"/incidents/{incident}")
    assert tab.fragment(path).get_data(as_text=True).lstrip().startswith('<div class="column">')


def test_checks_come_in_parts_and_new_ones_move_nothing(tab, alice):
    monitor = make_monitor(alice)
    check(monitor, *[GOOD] * 70, at=utcnow() - timedelta(hours=1))
    path = f"/monitors/{monitor.id}"
    first = tab.get(path)
    check(monitor, GOOD)

    second = tab.get(soup(first).find("a", rel="next")["href"])
    third = tab.get(soup(second).find("a", rel="next")["href"])
    back = tab.get(soup(second).find("a", rel="prev")["href"])

    def times(page):
        return [each["datetime"] for each in soup(page).select("#checks tbody time")]

    assert [len(times(each)) for each in (first, second, third)] == [25, 25, 20]
    assert len(set(times(first) + times(second) + times(third))) == 70
    assert times(back) == times(first)
    assert soup(third).find("a", rel="next") is None


def test_another_monitors_check_is_no_place_in_the_list(tab, alice, charlie):
    mine = make_monitor(alice)
    check(mine, GOOD)
    (foreign,) = check(make_monitor(charlie), BAD)

    assert "Up" in words(soup(tab.get(f"/monitors/{mine.id}?before={foreign}")).select_one("#checks tbody"))


def test_pause_and_resume_as_pages(tab, alice):
    path = f"/monitors/{make_monitor(alice).id}"

    tab.get(path)
    paused = press(tab, "Pause Monitor")
    assert (paused.status_code, paused.headers["Location"]) == (303, path)
    assert only().state == "paused"

    assert "Shop is paused" in text(tab.get(path))
    press(tab, "Resume Monitor")
    assert only().state == "pending"
    assert only().next_check_at is not None


@pytest.mark.parametrize(("act", "button"), [("pause", "Resume Monitor"), ("resume", "Pause Monitor")])
def test_pause_and_resume_as_fragments(tab, alice, act, button):
    monitor = make_monitor(alice)
    if act == "resume":
        monitor.pause(db.session, alice.actor)
        db.session.commit()
    path = f"/monitors/{monitor.id}"

    reply = tab.submit_fragment(f"{path}/{act}", page=path)

    assert reply.status_code == 200
    assert soup(reply).find("html") is None
    assert [each for each in soup(reply).find_all("button") if words(each) == button]


def test_beyond_the_plan_a_paused_monitor_says_why_it_stays_so(tab, alice):
    for number in range(Plan.FREE.limits.monitors + 1):
        make_monitor(alice, name=f"{number:02}")
    newest = db.session.query(Monitor).filter_by(name="10").one().id
    alice.set_plan(Plan.FREE)
    path = f"/monitors/{newest}"

    page = soup(tab.get(path))
    refused = tab.submit(f"{path}/resume", page=path)
    told = tab.submit_fragment(f"{path}/resume", page=path)

    button = next(each for each in page.find_all("button") if words(each) == "Resume Monitor")
    assert button.has_attr("disabled")
    reason = words(page.find(id=button["aria-describedby"]))
    assert reason == "All 10 monitors that the Free plan includes are running. Pause one, or choose a larger plan."
    assert refused.status_code == told.status_code == 403
    assert "that many are already running" in words(soup(told).find(attrs={"data-error": True}))


def test_deleting_asks_first_and_removes_all(tab, alice):
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    path = f"/monitors/{monitor.id}"

    asked = tab.get(f"{path}/delete")
    assert soup(asked).find("dialog", open=True)
    done = press(tab, "Delete Monitor")

    assert (done.status_code, done.headers["Location"]) == (303, "/monitors")
    assert "Shop and all its data were deleted" in text(tab.get("/monitors"))
    assert tab.get(path).status_code == 404
    assert [db.session.query(each).count() for each in (Monitor, Incident)] == [0, 0]


def test_deleting_as_a_fragment_answers_the_list(tab, alice):
    monitor = make_monitor(alice).id
    make_monitor(alice, name="Other")

    asked = tab.fragment(f"/monitors/{monitor}/delete")
    reply = tab.submit_fragment(f"/monitors/{monitor}/delete")

    assert [each.name for each in soup(asked).find_all(recursive=False)] == ["dialog"]
    assert [words(each) for each in soup(reply).select("tbody th a")] == ["Other"]
