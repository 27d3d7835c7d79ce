"""A monitor's page: pictures with words and tables behind them, and a history that can be narrowed."""

from datetime import timedelta

import pytest

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.check import Check
from pulse.plans import Plan
from pulse.probe import Outcome, Timings
from tests.helpers import soup, text
from tests.monitors import BAD, GOOD, check, claimed, make_monitor, scheduled
from tests.monitors import record as recorded
from tests.web.forms import words


@pytest.fixture
def monitor(alice):
    return make_monitor(alice)


@pytest.fixture
def path(monitor) -> str:
    return f"/monitors/{monitor.id}"


def results(page) -> list[str]:
    return [words(each).split()[0] for each in soup(page).select("#checks tbody td:nth-of-type(2)")]


def test_pictures_say_what_they_show_and_have_a_table_behind_them(tab, monitor, path):
    check(monitor, GOOD, GOOD, BAD, at=utcnow() - timedelta(days=3))
    check(monitor, GOOD, at=utcnow() - timedelta(days=2))

    page = soup(tab.get(f"{path}?span=7d"))

    chart, heat = page.select_one("svg.chart"), page.select_one(".heat")
    assert chart["aria-label"] == (
        "Response times over the last 7 days: 11 ms on average; 1 of 4 checks failed. The table below holds the figures."
    )
    assert heat["aria-label"].startswith("Uptime by hour over the last 7 days: checks failed in 1 of 2 hours.")
    tables = {words(each.caption): each for each in page.find_all("table")}
    assert words(tables["Response times over the last 7 days"].tbody).endswith("11 ms 9 ms 12 ms 3 1")
    assert words(tables["Uptime by day over the last 7 days"].tbody).endswith("66.67% 3 1")


def test_checks_of_one_time_are_told_in_figures_for_they_make_no_picture(tab, monitor, path):
    check(monitor, GOOD, BAD, at=utcnow() - timedelta(days=3))

    page = soup(tab.get(f"{path}?span=7d"))

    assert not page.select("svg.chart, .heat, details table")
    told = words(page.find(attrs={"aria-labelledby": "response-heading"}))
    assert "Average 10 ms Fastest 9 ms Slowest 12 ms Failed 1 of 2" in told
    assert "2 checks in the last 7 days. A picture is drawn once there are checks from different times." in told


def test_a_check_without_a_reply_has_no_time(tab, monitor, path):
    check(monitor, Outcome.failure(BAD.error))

    told = words(soup(tab.get(path)).find(attrs={"aria-labelledby": "response-heading"}))

    assert "The only check – Failed 1 of 1 1 check in the last 24 hours." in told


def test_the_lines_of_the_grid_say_what_they_stand_for(tab, monitor, path):
    check(monitor, GOOD, at=utcnow() - timedelta(hours=2))
    check(monitor, GOOD)

    chart = soup(tab.get(path)).select_one("svg.chart")

    scale = [(each["y"], words(each)) for each in chart.find_all("text")]
    assert scale == [("0.0%", "20 ms"), ("43.86%", "10 ms"), ("87.72%", "0 ms")]


def test_a_gap_breaks_the_line_and_a_failure_stands_below_it(tab, monitor, path):
    for minutes in (120, 110, 60, 50, 40):
        check(monitor, GOOD, at=utcnow() - timedelta(minutes=minutes))
    check(monitor, Outcome.failure(BAD.error), at=utcnow() - timedelta(minutes=90))

    chart = soup(tab.get(path)).select_one("svg.chart")

    assert chart.select_one(".middle")["d"].count("M") == 2
    assert chart.select_one(".failed")["d"].count("M") == 1
    assert "M" in chart.select_one(".failed")["d"]


@pytest.mark.parametrize(("asked", "current"), [("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"), ("x", "24 hours")])
def test_the_span_is_in_the_address(tab, path, asked, current):
    page = soup(tab.get(f"{path}?span={asked}"))

    (chosen,) = page.select(".spans [aria-current]")
    assert words(chosen) == current
    assert f"No checks in the last {current}." in page.get_text()


def test_the_history_is_narrowed_by_result_and_type(tab, monitor, path):
    check(monitor, GOOD, BAD)
    recorded(db.session, [scheduled(claimed(monitor), GOOD)])
    db.session.commit()

    assert results(tab.get(f"{path}?status=down")) == ["Down"]
    assert results(tab.get(f"{path}?type=scheduled")) == ["Up"]
    assert results(tab.get(f"{path}?type=scheduled&status=down")) == []
    assert "No checks match." in text(tab.get(f"{path}?type=scheduled&status=down"))
    assert len(results(tab.get(f"{path}?status=odd&type=odd"))) == 3


def test_the_history_is_narrowed_by_time_as_the_persons_clock_shows_it(tab, alice, monitor, path):
    alice.user.timezone = "Asia/Kolkata"
    noon = (utcnow() - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    for hours in range(4):
        check(monitor, GOOD, at=noon + timedelta(hours=hours))

    page = tab.get(path, query_string={"since": f"{noon:%Y-%m-%d}T18:30", "until": f"{noon:%Y-%m-%d}T20:30"})

    times = [each["datetime"] for each in soup(page).select("#checks tbody time")]
    assert times == [(noon + timedelta(hours=hours)).isoformat() for hours in (2, 1)]
    assert soup(page).find(id="history-since")["value"] == f"{noon:%Y-%m-%d}T18:30"


@pytest.mark.parametrize("odd", ["yesterday", "2026-02-30T10:00", "٣", "0000-00-00T00:00"])
def test_a_time_that_is_none_is_told_at_its_field_and_stays_there(tab, monitor, path, odd):
    check(monitor, GOOD)

    page = tab.get(path, query_string={"since": odd, "status": "up"})

    field = soup(page).find(id="history-since")
    assert page.status_code == 422
    assert (field["value"], field["aria-invalid"]) == (odd, "true")
    assert "Enter a date and a time" in words(soup(page).find(id="history-since-error"))
    assert soup(page).select_one("#history-status [selected]")["value"] == "up"


@pytest.mark.parametrize("edge", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_times_at_the_ends_of_the_calendar_do_no_harm(tab, alice, monitor, path, edge):
    alice.user.timezone = "Pacific/Kiritimati" if edge.startswith("0") else "Pacific/Pago_Pago"
    check(monitor, GOOD)

    assert tab.get(path, query_string={"since": edge}).status_code == 200


def test_a_narrowed_history_stays_so_from_part_to_part_and_span_to_span(tab, monitor, path):
    check(monitor, *[GOOD, BAD] * 30, at=utcnow() - timedelta(hours=1))
    first = tab.get(f"{path}?span=7d&status=down")

    second = tab.get(soup(first).find("a", rel="next")["href"])
    month = tab.get(soup(second).select_one("#span-30d")["href"])
    everything = tab.get(soup(first).find("a", string="Show All")["href"])

    assert (results(first), results(second)) == (["Down"] * 25, ["Down"] * 5)
    assert words(soup(second).select_one(".spans [aria-current]")) == "7 days"
    assert set(results(month)) == {"Down"}
    assert set(results(everything)) == {"Up", "Down"}


def test_what_an_address_brings_is_no_address(tab, monitor, path):
    check(monitor, *[GOOD] * 30)

    page = tab.get(f"{path}?_external=1&_scheme=javascript&_anchor=x")

    assert soup(page).find("a", rel="next")["href"].startswith(f"{path}?")


def test_after_an_act_the_parts_are_still_found(tab, monitor, path):
    check(monitor, *[GOOD] * 30)

    panel = tab.submit_fragment(f"{path}/pause", page=path)

    assert tab.get(soup(panel).find("a", rel="next")["href"]).status_code == 200


def test_how_long_each_phase_took_is_told_of_those_that_happened(tab, monitor, path):
    check(monitor, Outcome.reply(200, Timings(dns=1_500, connect=12_300, tls=0, first_byte=70_000, total=90_000), expected=200))

    row = words(soup(tab.get(path)).select_one("#checks tbody tr"))

    assert "90 ms DNS 1.5 ms , connect 12 ms , first byte 70 ms" in row


@pytest.mark.parametrize("span", ["24h", "7d", "30d"])
def test_the_page_costs_the_same_queries_whatever_there_is_to_show(tab, alice, path, monitor, statements, span):
    alice.set_plan(Plan.TEAM)
    check(monitor, GOOD)
    with statements() as few:
        tab.get(f"{path}?span={span}")
    row = {"monitor_id": monitor.id, "type": "manual", "up": True, "response_time_ms": 5}
    rows = [row | {"checked_at": utcnow() - timedelta(minutes=minutes)} for minutes in range(2000)]
    db.session.execute(Check.__table__.insert(), rows)
    db.session.commit()

    with statements() as many:
        tab.get(f"{path}?span={span}")

    assert len(many) == len(few) <= 14


def test_a_paused_monitor_promises_no_check_in_a_moment(tab, alice, monitor, path):
    said = text(tab.get(path))
    monitor.pause(db.session, alice.actor)
    db.session.commit()

    paused = text(tab.get(path))

    assert "The first one will run in a moment." in said
    assert "The first one will run when the monitor is resumed." in paused
    assert "in a moment" not in paused
