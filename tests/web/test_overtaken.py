"""Two people, one form: who saves last does not undo unseen what the other has changed meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from pulse.abilities import Ability
from pulse.extensions import db
from pulse.models.channel import Channel
from tests.alerts import make_channel, make_rule, plan_outage
from tests.factories import make_key
from tests.helpers import HTMX, Visitor, soup
from tests.monitors import change, make_monitor
from tests.teams import look_at
from tests.web.forms import form_of, values, words

SPAN = (datetime(2096, 3, 1, 2), datetime(2096, 3, 1, 4))  # noqa: DTZ001 - the wall's own time
AGAIN = "Save again to put what you see below in its place."
# What is edited, what the one types, what the other saves meanwhile, and what of that is told.
CASES = {
    "monitor": (
        {"name": "Mine"},
        {"interval_seconds": "300", "expected_status": "204", "verify_tls": None, "auth_type": "bearer", "token": "hush"},
        "this monitor",
        "Check Interval: 5 min; Expected Status Code: 204; SSL Verification: off; Authentication: Bearer Token",
    ),
    "rule": (
        {"name": "Mine"},
        {"value": "7", "priority": "critical", "channel_ids": "{channel}", "description": "As agreed"},
        "this rule",
        "Description: As agreed; Value: 7; Notification Channels: Ops (Email); Priority: Critical",
    ),
    "outage": (
        {"title": "Mine"},
        {"ends": "2096-03-01T05:00", "repeats": "weekly", "scope": "chosen", "monitor_ids": "{monitor}"},
        "this planned outage",
        "Repeats: Weekly; End: 1 Mar 2096 05:00; Scope: Chosen monitors; Monitors: Shop",
    ),
    "channel": (
        {"name": "Mine"},
        {"target": "night@example.com", "active": None},
        "this channel",
        "Target: night@example.com; Active: off",
    ),
}


@pytest.fixture
def ids(alice):
    """One thing of every kind in Alice's team."""
    monitor, channel = make_monitor(alice), make_channel(alice).channel
    rule, outage = make_rule(alice), plan_outage(alice, *SPAN)
    return {"monitor": monitor.id, "channel": channel.id, "rule": rule.id, "outage": outage.id}


@pytest.fixture
def colleague(other_browser, alice, bob):
    """Bob's browser, in Alice's team."""
    other_browser.sign_in(bob)
    look_at(alice.team)
    return other_browser


def edit_path(kind, ids):
    return f"/monitors/{ids[kind]}/edit" if kind == "monitor" else f"/alerts/{kind}s/{ids[kind]}/edit"


def opened(browser, path):
    return values(form_of(soup(browser.get(path)), "Save"))


def sent(given, typed, ids):
    """Return what a form sends; None: a box that is not ticked."""
    whole = given | {name: text and text.format(**ids) for name, text in typed.items()}
    return {name: text for name, text in whole.items() if text is not None}


def stored(browser, path):
    """Return what the form shows of what is stored."""
    return {name: text for name, text in opened(browser, path).items() if name not in ("csrf_token", "seen")}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("kind", CASES)
def test_a_stale_form_undoes_nothing_and_says_what_was_changed(tab, colleague, ids, kind, headers):
    mine, theirs, noun, told = CASES[kind]
    path = edit_path(kind, ids)
    given = opened(tab, path)
    assert colleague.post(path, sent(opened(colleague, path), theirs, ids)).status_code == 303
    as_they_left_it = stored(colleague, path)

    reply = tab.post(path, sent(given, mine, ids), headers=headers)

    alert = words(soup(reply).select_one("[role=alert].notice"))
    assert reply.status_code == 409
    assert alert == f"Somebody has changed {noun} since you opened it, so nothing was saved. It now has {told}. {AGAIN}"
    assert sent(values(form_of(soup(reply), "Save")), {"csrf_token": None, "seen": None}, ids) == sent(
        given, mine | {"csrf_token": None, "seen": None}, ids
    )
    assert stored(colleague, path) == as_they_left_it
    assert "hush" not in reply.get_data(as_text=True)


@pytest.mark.parametrize("kind", CASES)
def test_saved_once_more_it_is_written(tab, colleague, ids, kind):
    mine, theirs, _, _ = CASES[kind]
    path = edit_path(kind, ids)
    given = opened(tab, path)
    before = stored(colleague, path)
    colleague.post(path, sent(opened(colleague, path), theirs, ids))
    refused = tab.post(path, sent(given, mine, ids))

    reply = tab.post(path, values(form_of(soup(refused), "Save")))

    assert reply.status_code == 303
    assert stored(colleague, path) == before | mine


@pytest.mark.parametrize("kind", CASES)
def test_of_many_who_save_at_once_one_is_written_and_the_others_are_told(app, alice, ids, kind):
    path = edit_path(kind, ids)
    browsers = [Visitor(app) for _ in range(4)]
    forms = []
    for number, browser in enumerate(browsers):
        browser.sign_in(alice)
        forms.append(opened(browser, path) | {"title" if kind == "outage" else "name": f"Name {number}"})

    def save(browser, form):
        with app.app_context():
            return browser.post(path, form).status_code

    db.session.rollback()
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(save, browsers, forms))

    assert sorted(replies) == [303, 409, 409, 409]


@pytest.mark.parametrize("kind", CASES)
def test_who_changes_the_same_to_the_same_is_not_asked(tab, colleague, ids, kind):
    _, theirs, _, _ = CASES[kind]
    theirs = {name: text for name, text in theirs.items() if name not in ("auth_type", "token")}
    path = edit_path(kind, ids)
    given = opened(tab, path)
    colleague.post(path, sent(opened(colleague, path), theirs, ids))

    assert tab.post(path, sent(given, theirs, ids)).status_code == 303


def test_both_who_change_the_same_field_are_told_apart(tab, colleague, ids):
    path = edit_path("rule", ids)
    given = opened(tab, path)
    colleague.post(path, sent(opened(colleague, path), {"name": "Theirs"}, ids))

    reply = tab.post(path, sent(given, {"name": "Mine"}, ids))

    assert "It now has Rule Name: Theirs." in words(soup(reply))


def test_a_third_change_is_told_as_well(tab, colleague, ids):
    path = edit_path("rule", ids)
    given = opened(tab, path)
    colleague.post(path, sent(opened(colleague, path), {"value": "7"}, ids))
    refused = tab.post(path, sent(given, {"name": "Mine"}, ids))
    colleague.post(path, sent(opened(colleague, path), {"value": "8"}, ids))

    reply = tab.post(path, values(form_of(soup(refused), "Save")))

    assert (reply.status_code, "It now has Value: 8." in words(soup(reply))) == (409, True)


def test_what_a_program_changes_counts_as_well(tab, api, alice, ids):
    path = edit_path("monitor", ids)
    given = opened(tab, path)
    token = make_key(alice, Ability.MONITORS_WRITE).token
    assert api.patch(f"/monitors/{ids['monitor']}", token, json={"url": "https://new.example.com/"}).status_code == 200

    reply = tab.post(path, sent(given, {"name": "Mine"}, ids))

    assert (reply.status_code, "It now has URL: https://new.example.com/." in words(soup(reply))) == (409, True)


def test_what_no_form_shows_stands_in_nobodys_way(tab, alice, ids):
    monitor_path, channel_path = edit_path("monitor", ids), edit_path("channel", ids)
    given, of_channel = opened(tab, monitor_path), opened(tab, channel_path)
    monitor = make_monitor(alice, name="Another")
    change(monitor, alice, name="Aaa, first by name")
    db.session.get(Channel, ids["channel"]).last_error = "http_500"
    db.session.commit()

    assert tab.post(monitor_path, given | {"name": "Mine"}).status_code == 303
    assert tab.post(channel_path, of_channel | {"name": "Mine"}).status_code == 303


def test_a_new_name_of_a_chosen_monitor_is_no_change_of_the_outage(tab, alice, ids):
    path = edit_path("outage", ids)
    other = make_monitor(alice, name="Zoo")
    page = values(form_of(soup(tab.get(path)), "Save")) | {"scope": "chosen"}
    tab.post(path, {**page, "monitor_ids": [str(ids["monitor"]), str(other.id)]})
    given = {**opened(tab, path), "monitor_ids": [str(ids["monitor"]), str(other.id)]}
    change(other, alice, name="Aaa")

    assert tab.post(path, given | {"title": "Mine"}).status_code == 303


@pytest.mark.parametrize("seen", ["", "name", "name:0 :: odd:1", "name:\x00 \ud83d"])
def test_odd_marks_do_no_harm(tab, ids, seen):
    path = edit_path("rule", ids)

    reply = tab.post(path, opened(tab, path) | {"seen": seen.encode("utf-8", "replace"), "value": "9"})

    assert reply.status_code == 303


def test_what_was_deleted_meanwhile_is_not_found(tab, alice, ids):
    path = edit_path("channel", ids)
    given = opened(tab, path)
    db.session.get(Channel, ids["channel"]).delete(db.session, alice.actor)
    db.session.commit()

    assert tab.post(path, given).status_code == 404


def test_a_url_that_is_never_shown_is_in_no_mark(tab, alice):
    hooks = [make_channel(alice, type="slack", target=f"https://hooks.example.com/{each}").channel for each in ("one", "two")]

    marks = [opened(tab, f"/alerts/channels/{each.id}/edit")["seen"].split()[2] for each in hooks]

    assert marks[0] == marks[1]
