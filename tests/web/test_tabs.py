"""Two tabs, two teams: what was opened in one lands in no other."""

from datetime import datetime

import pytest

from pulse.extensions import db
from pulse.models.alert_rule import AlertRule
from pulse.models.channel import Channel
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.planned_outage import PlannedOutage
from pulse.roles import Role
from tests.alerts import deliveries, make_channel, make_rule, plan_outage
from tests.factories import join
from tests.helpers import HTMX, soup, text
from tests.monitors import BAD, check, make_monitor
from tests.teams import look_at
from tests.web.forms import form_of, values, words

SWITCHED = "You have switched to another team. Reload the page, then try again."
STRAYED = (
    "You have switched to another team, Bob’s team, but this form was opened in Alice’s team: nothing was saved."
    " Send it again to switch back to Alice’s team and save it there."
)
SPAN = {"begins": "2096-03-01T02:00", "ends": "2096-03-01T04:00"}
NEW = {
    "/monitors/new": ("Create Monitor", {"name": "Typed", "url": "https://typed.example.com/"}, Monitor),
    "/alerts/rules/new": ("Create Rule", {"name": "Typed", "value": "3"}, AlertRule),
    "/alerts/channels/new": ("Create Channel", {"name": "Typed", "target": "typed@example.com"}, Channel),
    "/alerts/outages/new": ("Create Planned Outage", {"title": "Typed", **SPAN}, PlannedOutage),
}
PAGES = [
    *("/monitors/{monitor}", "/monitors/{monitor}/edit", "/monitors/{monitor}/delete", "/alerts/channels"),
    *("/incidents/{incident}", "/incidents/{incident}/resolve", *NEW),
    *(f"/alerts/{kind}s/{{{kind}}}/{act}" for kind in ("rule", "channel", "outage") for act in ("edit", "delete")),
]
SHOWN_AGAIN = ("edit", "new", "resolve")


@pytest.fixture
def two(visitor, alice, bob):
    """Bob's browser, in Alice's team."""
    visitor.sign_in(bob)
    look_at(alice.team)
    return visitor


@pytest.fixture
def ids(two, alice):
    """One thing of every kind in Alice's team."""
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    span = (datetime.fromisoformat(each) for each in SPAN.values())
    return {
        "monitor": monitor.id,
        "incident": db.session.query(Incident).one().id,
        "rule": make_rule(alice).id,
        "channel": make_channel(alice).channel.id,
        "outage": plan_outage(alice, *span).id,
    }


def everything():
    """Return all that is stored of what these forms write, but for when it was looked at."""
    db.session.rollback()
    kinds = (Monitor, AlertRule, Channel, PlannedOutage, Incident)
    rows = [row for kind in kinds for row in db.session.execute(kind.__table__.select().order_by("id"))]
    return [tuple(row) for row in rows], len(deliveries())


@pytest.mark.parametrize("path", NEW)
def test_a_form_opened_in_one_team_is_not_written_in_another_and_keeps_what_was_typed(two, alice, bob, path):
    button, typed, _ = NEW[path]
    given = values(form_of(soup(two.get(path)), button))
    look_at(bob.team)
    before = everything()

    reply = two.post(path, given | typed)

    assert reply.status_code == 422
    assert words(soup(reply).select_one("[role=alert].notice")) == STRAYED
    again = values(form_of(soup(reply), button))
    assert {name: again[name] for name in typed} == typed
    assert everything() == before


@pytest.mark.parametrize("path", NEW)
def test_sent_once_more_it_is_written_where_it_was_opened(two, alice, bob, path):
    button, typed, kind = NEW[path]
    given = values(form_of(soup(two.get(path)), button))
    look_at(bob.team)
    again = values(form_of(soup(two.post(path, given | typed)), button))

    reply = two.post(path, again)

    assert reply.status_code == 303
    db.session.rollback()
    assert db.session.query(kind).order_by(kind.id.desc()).first().team_id == alice.team_id
    assert "Alice’s team" in text(two.get("/monitors"))


def test_a_form_chosen_from_things_of_the_team_offers_the_same_ones_again(two, ids, alice, bob):
    make_monitor(bob, name="Of Bob")
    given = values(form_of(soup(two.get("/alerts/rules/new")), "Create Rule"))
    look_at(bob.team)

    chosen = {"name": "Typed", "value": "3", "scope": "chosen", "monitor_ids": str(ids["monitor"])}
    reply = two.post("/alerts/rules/new", given | chosen)

    boxes = [(each["value"], each.has_attr("checked")) for each in soup(reply).select("[name=monitor_ids]")]
    assert boxes == [(str(ids["monitor"]), True)]


def test_an_edit_form_is_no_bare_404_and_asks_for_what_is_never_shown(two, ids, bob):
    path = f"/monitors/{ids['monitor']}/edit"
    given = values(form_of(soup(two.get(path)), "Save"))
    look_at(bob.team)

    reply = two.post(path, given | {"name": "Typed", "headers": "X-Key: hush"})

    assert (reply.status_code, soup(reply).find(id="name")["value"]) == (422, "Typed")
    assert STRAYED in text(reply)
    assert "Enter this again: it is never shown, not even here." in text(reply)
    assert "hush" not in reply.get_data(as_text=True)


def test_the_dialog_to_resolve_keeps_the_root_cause(two, ids, bob):
    path = f"/incidents/{ids['incident']}/resolve"
    given = values(form_of(soup(two.fragment(path)), "Confirm Resolution"))
    look_at(bob.team)

    refused = two.post(path, given | {"root_cause": "Disk"}, headers=HTMX)
    again = values(form_of(soup(refused), "Confirm Resolution"))
    reply = two.post(path, again, headers=HTMX)

    assert (refused.status_code, again["root_cause"]) == (422, "Disk")
    assert words(soup(refused).select_one("[data-status]")) == STRAYED
    assert (reply.status_code, db.session.get(Incident, ids["incident"]).root_cause) == (200, "Disk")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
def test_nothing_that_names_another_team_than_the_one_looked_at_is_done(app, two, ids, alice, bob, charlie, role, headers):
    join(bob, charlie.team, Role.VIEWER)
    proof = {"csrf_token": two.csrf_token("/organization"), "team_id": str(alice.team_id)}
    look_at(bob.team if role is Role.OWNER else charlie.team)
    before = everything()
    ours = ("monitors.", "incidents.", "alert_rules.", "channels.", "planned_outages.")
    acts = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(ours) and "POST" in rule.methods]

    assert len(acts) >= 18
    for act in acts:
        path = act.rule.replace("<id:", "<").replace("_id>", ">").replace("<", "{").replace(">", "}").format(**ids)
        reply = two.post(path, proof | {"name": "Typed", "title": "Typed"}, headers=headers)
        if path.endswith(SHOWN_AGAIN):
            assert (reply.status_code, "but this form was opened in Alice’s team" in text(reply)) == (422, True), path
        else:
            assert (reply.status_code, SWITCHED in text(reply)) == (409, True), path
    assert everything() == before


@pytest.mark.parametrize("path", PAGES)
def test_every_form_of_a_page_names_the_team_it_was_opened_in(two, ids, alice, path):
    forms = soup(two.get(path.format(**ids))).select("#panel form[method=post], #dialog form[method=post]")

    assert forms
    assert {str(form.select_one("[name=team_id]")["value"]) for form in forms} == {str(alice.team_id)}
    assert not any(form.select_one("[name=back]") for form in forms)


def test_a_team_of_others_is_neither_named_nor_led_to(two, alice, charlie):
    typed = NEW["/monitors/new"][1]

    reply = two.submit("/monitors/new", typed | {"team_id": str(charlie.team_id), "back": str(charlie.team_id)})

    assert (reply.status_code, SWITCHED in text(reply), "Charlie" in text(reply)) == (409, True, False)
    assert db.session.query(Monitor).all() == []


def test_who_was_removed_meanwhile_writes_nothing_there(two, alice, bob):
    given = values(form_of(soup(two.get("/monitors/new")), "Create Monitor"))
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    reply = two.post("/monitors/new", given | NEW["/monitors/new"][1] | {"back": str(alice.team_id)})

    assert (reply.status_code, SWITCHED in text(reply)) == (409, True)
    assert db.session.query(Monitor).all() == []
