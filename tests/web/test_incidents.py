"""Incidents in the browser: the list, one, acknowledging and resolving it, with scripts and without."""

import pytest
from sqlalchemy import event

from pulse.abilities import Ability
from pulse.extensions import db
from pulse.models.incident import Incident
from tests.alerts import deliveries
from tests.factories import make_key
from tests.helpers import HTMX, soup, text
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.web.forms import fault, press, words


@pytest.fixture
def incident(alice):
    """An open incident of Alice's team; its id."""
    check(make_monitor(alice), BAD, BAD)
    return only().id


def only():
    """Return the one incident there is."""
    db.session.rollback()
    return db.session.query(Incident).one()


def test_no_incidents_is_said(tab):
    assert "No incidents" in text(tab.get("/incidents"))


def test_the_list_is_newest_first(tab, alice):
    for name in ("Shop", "Blog"):
        check(make_monitor(alice, name=name), BAD, BAD)
    check(db.session.query(Incident).filter_by(title="Shop is down").one().monitor, GOOD, GOOD)

    rows = [words(row) for row in soup(tab.get("/incidents")).select("tbody tr")]

    assert [row.split(" just now")[0] for row in rows] == [
        "Blog is down Monitor down Open Critical",
        "Shop is down Monitor down Resolved Critical",
    ]


@pytest.mark.parametrize("status", ["open", "acknowledged", "resolved"])
def test_the_list_is_narrowed_to_a_status_by_its_address(tab, alice, status):
    opened, acknowledged, resolved = (make_monitor(alice, name=name) for name in ("open", "acknowledged", "resolved"))
    for monitor in (opened, acknowledged, resolved):
        check(monitor, BAD, BAD)
    check(resolved, GOOD, GOOD)
    db.session.query(Incident).filter_by(monitor_id=acknowledged.id).one().acknowledge(db.session, alice.actor)
    db.session.commit()

    page = soup(tab.get("/incidents"))
    narrowed = soup(tab.get(page.find(id=f"status-{status}")["href"]))

    assert [words(each) for each in page.select(".spans a")] == ["All", "Open", "Acknowledged", "Resolved"]
    assert [words(each.th.a) for each in narrowed.select("tbody tr")] == [f"{status} is down"]
    assert [words(each) for each in narrowed.select(".spans [aria-current]")] == [status.capitalize()]


def test_a_narrowed_list_stays_so_from_part_to_part_and_says_when_it_is_empty(tab, alice):
    monitor = make_monitor(alice)
    for _ in range(51):
        check(monitor, BAD, BAD, GOOD, GOOD)

    first = soup(tab.get("/incidents?status=resolved"))
    second = soup(tab.get(first.find("a", rel="next")["href"]))

    assert [words(each) for each in second.select(".spans [aria-current]")] == ["Resolved"]
    assert len(second.select("tbody tr")) == 1
    assert "No incident is open." in text(tab.get("/incidents?status=open"))
    assert words(soup(tab.get("/incidents?status=odd")).select_one(".spans [aria-current]")) == "All"


def test_a_long_list_comes_in_parts(tab, alice):
    monitor = make_monitor(alice)
    for _ in range(60):
        check(monitor, BAD, BAD, GOOD, GOOD)

    first = tab.get("/incidents")
    second = tab.get(soup(first).find("a", rel="next")["href"])

    assert [len(soup(each).select("tbody tr")) for each in (first, second)] == [50, 10]
    assert soup(second).find("a", rel="prev")


def test_the_list_is_read_in_few_queries(tab, alice):
    for number in range(20):
        check(make_monitor(alice, name=f"M{number}"), BAD, BAD)
    said = []

    def listener(*arguments):
        said.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", listener)

    tab.get("/incidents")
    event.remove(db.engine, "before_cursor_execute", listener)

    assert 0 < len(said) < 12


def test_an_incidents_page_shows_its_course(tab, incident):
    page = text(tab.get(f"/incidents/{incident}"))

    assert "Shop is down" in page
    assert "Alert rule Monitor down" in page
    assert "Acknowledged Not yet" in page


def course(page) -> list[str]:
    """Return the timeline, without the times."""
    return [words(each.div) for each in soup(page).select(".timeline li")]


def test_the_timeline_tells_what_led_to_it_and_that_it_goes_on(tab, alice):
    check(make_monitor(alice), BAD, GOOD, BAD, BAD, BAD)

    told = course(tab.get(f"/incidents/{only().id}"))

    assert told[:3] == ["Check: Down unexpected status, HTTP 503"] * 2 + ["Began , found by the alert rule Monitor down"]
    assert told[3].startswith("for ")


def test_the_timeline_tells_who_saw_to_it_and_why_it_was(tab, bob, incident):
    found = only()
    found.acknowledge(db.session, bob.actor)
    found.resolve(db.session, bob.actor, "The disk was full.")
    db.session.commit()

    told = course(tab.get(f"/incidents/{incident}"))

    assert told[3:] == ["Acknowledged by Bob", "Resolved by Bob Root cause: The disk was full."]


def test_the_timeline_tells_the_checks_that_ended_it(tab, incident):
    check(only().monitor, BAD, GOOD, GOOD)

    told = course(tab.get(f"/incidents/{incident}"))

    assert told[3:] == ["Check: Up", "Check: Up", "Resolved automatically: the checks were good again"]


def test_the_timeline_outlives_an_account(tab, bob, incident):
    only().acknowledge(db.session, bob.actor)
    db.session.commit()
    bob.user.delete(db.session)
    db.session.commit()

    assert "Acknowledged by someone whose account was deleted" in course(tab.get(f"/incidents/{incident}"))


@pytest.mark.parametrize("cause", [None, "The disk was full."])
def test_what_somebody_resolved_does_not_seem_automatic_once_their_account_is_gone(tab, bob, incident, cause):
    check(only().monitor, GOOD)  # one of two: not enough to end it
    only().resolve(db.session, bob.actor, cause)
    db.session.commit()
    bob.user.delete(db.session)
    db.session.commit()

    page = tab.get(f"/incidents/{incident}")

    assert course(page)[-1].startswith("Resolved by someone whose account was deleted")
    assert not [each for each in course(page) if each.startswith("Check: Up")]
    assert "by someone whose account was deleted" in words(soup(page).find("dt", string="Resolved").find_next("dd"))


def test_what_resolved_by_itself_says_so(tab, incident):
    check(only().monitor, GOOD, GOOD)

    page = soup(tab.get(f"/incidents/{incident}"))

    assert words(page.find("dt", string="Resolved").find_next("dd")).endswith("automatically")


def test_the_timeline_is_in_the_persons_zone(tab, alice, incident):
    alice.user.timezone = "Asia/Kolkata"
    db.session.commit()

    times = [words(each) for each in soup(tab.get(f"/incidents/{incident}")).select(".timeline time")]

    assert len(times) == 3
    assert all(each.endswith(" IST") for each in times)


def test_acknowledging_as_a_page(tab, incident, alice):
    path = f"/incidents/{incident}"
    tab.get(path)

    reply = press(tab, "Acknowledge")

    assert (reply.status_code, reply.headers["Location"]) == (303, path)
    assert (only().status, only().acknowledged_by) == ("acknowledged", alice.user_id)
    shown = tab.get(path)
    assert "by Alice" in text(shown)
    assert not [each for each in soup(shown).find_all("button") if words(each) == "Acknowledge"]


def test_acknowledging_as_a_fragment(tab, incident):
    path = f"/incidents/{incident}"

    reply = tab.submit_fragment(f"{path}/acknowledge", page=path)

    assert reply.status_code == 200
    assert soup(reply).find("html") is None
    assert "acknowledged." in words(soup(reply).find(attrs={"data-flash": True}))


def test_resolving_asks_for_the_root_cause(tab, incident, alice):
    path = f"/incidents/{incident}"

    asked = tab.get(f"{path}/resolve")
    assert soup(asked).find("dialog", open=True)
    assert words(soup(asked).find("label", {"for": "root_cause"})) == "Root Cause (optional)"
    reply = tab.submit(f"{path}/resolve", {"root_cause": " Disk full <b>\r\nagain "})

    assert (reply.status_code, reply.headers["Location"]) == (303, path)
    assert (only().status, only().root_cause, only().resolved_by) == ("resolved", "Disk full <b>\nagain", alice.user_id)
    shown = tab.get(path)
    assert "Disk full <b> again" in text(shown)
    assert not soup(shown).find("b")
    assert not soup(shown).find(id="panel").find_all("button")


def test_the_root_cause_is_optional(tab, incident):
    tab.get(f"/incidents/{incident}/resolve")

    press(tab, "Confirm Resolution")

    assert (only().status, only().root_cause) == ("resolved", None)


def test_resolving_as_a_fragment(tab, incident):
    path = f"/incidents/{incident}/resolve"

    asked = tab.fragment(path)
    reply = tab.submit_fragment(path, {"root_cause": "Disk full"})

    assert [each.name for each in soup(asked).find_all(recursive=False)] == ["dialog"]
    assert reply.status_code == 200
    assert "resolved." in words(soup(reply).find(attrs={"data-flash": True}))
    assert "Disk full" in text(reply)


@pytest.mark.parametrize("said", ["x" * 2001, "a\0b"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_root_cause_that_cannot_be_kept_is_refused(tab, incident, said, headers):
    path = f"/incidents/{incident}/resolve"

    reply = tab.submit(path, {"root_cause": said}, headers=headers)

    assert reply.status_code == 422
    assert fault(reply, "Root Cause (optional)")
    assert only().status == "open"


def test_a_refused_root_cause_is_kept_in_the_form(tab, incident):
    reply = tab.submit(f"/incidents/{incident}/resolve", {"root_cause": "y" * 2001})

    assert words(soup(reply).find(id="root_cause")) == "y" * 2001


def test_two_thousand_characters_with_line_breaks_fit(tab, incident):
    reply = tab.submit(f"/incidents/{incident}/resolve", {"root_cause": "x\r\n" * 999 + "xx"})

    assert reply.status_code == 303
    assert len(only().root_cause) == 2000


def test_whoever_comes_second_is_told(tab, incident):
    path = f"/incidents/{incident}"
    proof = {"csrf_token": tab.csrf_token(f"{path}/resolve")}
    tab.post(f"{path}/resolve", proof | {"root_cause": "First"})

    again = tab.post(f"{path}/resolve", proof | {"root_cause": "Second"})
    late = tab.post(f"{path}/acknowledge", proof, headers=HTMX)

    assert again.status_code == late.status_code == 409
    assert "This incident is already resolved." in text(again)
    assert "already resolved" in words(soup(late).find(attrs={"data-error": True}))
    assert only().root_cause == "First"


def test_acknowledging_twice_is_harmless(tab, incident):
    path = f"/incidents/{incident}"
    proof = {"csrf_token": tab.csrf_token(path)}

    replies = [tab.post(f"{path}/acknowledge", proof) for _ in range(2)]

    assert [each.status_code for each in replies] == [303, 303]


@pytest.mark.parametrize("act", ["acknowledge", "resolve"])
def test_nothing_is_done_without_the_proof_of_a_page_of_ours(tab, incident, act):
    assert tab.post(f"/incidents/{incident}/{act}", headers=HTMX).status_code == 400
    assert only().status == "open"


def test_the_course_tells_who_was_notified_when(visitor, alice):
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    (delivery,) = deliveries()
    delivery.end(db.session, None)
    db.session.commit()
    visitor.sign_in(alice)

    assert "Notified Owner" in text(visitor.get(f"/incidents/{delivery.incident_id}"))


def test_what_was_done_with_a_key_names_the_key_beside_its_owner(tab, api, alice, incident):
    token = make_key(alice, Ability.INCIDENTS_WRITE, name="Night shift").token
    api.post(f"/incidents/{incident}/acknowledge", token)
    api.post(f"/incidents/{incident}/resolve", token, json={"root_cause": "Disk full"})

    page = tab.get(f"/incidents/{incident}")

    assert text(page).count("by Alice, with API key Night shift") == 4
    assert course(page)[-1] == "Resolved by Alice, with API key Night shift Root cause: Disk full"
