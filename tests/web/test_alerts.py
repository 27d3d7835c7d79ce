"""The Alerts pages: rules, channels and planned outages, as people use them without scripts and with."""

from datetime import datetime

import pytest

from pulse.extensions import db
from pulse.models.alert_rule import AlertRule
from pulse.models.channel import Channel
from pulse.models.delivery import Delivery
from pulse.models.planned_outage import PlannedOutage
from pulse.plans import Plan
from pulse.roles import Role
from tests.alerts import deliveries, make_channel, make_rule, plan_outage
from tests.factories import join, make_person
from tests.helpers import soup, text
from tests.monitors import BAD, check, make_monitor
from tests.web.forms import fault, form_of, values, words

RULES, CHANNELS, OUTAGES = "/alerts", "/alerts/channels", "/alerts/outages"
HOSTILE = "<script>alert(1)</script> \" onfocus=x ' {{7*7}} &amp;"
RULE = {
    "name": "Slow",
    "condition": "response_time",
    "operator": "gt",
    "value": "800",
    "window": "24h",
    "scope": "all",
    "cooldown_minutes": "5",
    "priority": "low",
    "resolve_after": "3",
    "active": "y",
}
OUTAGE = {"title": "Upgrade", "repeats": "weekly", "begins": "2026-03-01T02:00", "ends": "2026-03-01T04:00", "scope": "all"}


@pytest.fixture
def at_home(visitor, alice):
    visitor.sign_in(alice)
    return visitor


@pytest.fixture
def reader(app, visitor, alice):
    viewer = join(make_person(app, "Vera", "vera@example.com"), alice.team, Role.VIEWER)
    visitor.sign_in(viewer)
    visitor.submit("/organization/switch", {"team_id": alice.team_id}, page="/organization")
    return visitor


def newest(kind, person):
    db.session.rollback()
    found = kind.of(person.team_id) if kind is not PlannedOutage else kind.of([person.team_id])
    return db.session.scalars(found).all()[-1]


@pytest.mark.parametrize("path", [RULES, CHANNELS, OUTAGES])
def test_each_tab_is_marked_and_its_fragment_comes_alone(at_home, path):
    page, part = at_home.get(path), at_home.fragment(path)

    assert [" ".join(each.get_text().split()) for each in soup(page).select("nav.sidebar .nav [aria-current]")] == ["Alerts"]
    assert [each["href"] for each in soup(page).select(".tabs [aria-current]")] == [path]
    assert soup(part).find("nav", class_="sidebar") is None


def test_a_new_team_has_one_rule_told_to_its_owner(at_home):
    page = text(at_home.get(RULES))

    assert "Monitor down 2 failed checks in a row" in page
    assert "Owner" in page
    assert "The team's current Owner" in text(at_home.get(CHANNELS))


def test_a_rule_is_made_from_the_form(at_home, alice):
    monitor, channel = make_monitor(alice, name="Shop"), make_channel(alice).channel
    chosen = {"scope": "chosen", "monitor_ids": [str(monitor.id)], "channel_ids": [str(channel.id)]}

    reply = at_home.submit("/alerts/rules/new", RULE | chosen | {"description": "Why"})

    rule = newest(AlertRule, alice)
    assert (reply.status_code, reply.headers["Location"]) == (303, RULES)
    assert (rule.name, rule.value, rule.operator, rule.cooldown_minutes, rule.priority) == ("Slow", 800, "gt", 5, "low")
    assert (rule.monitor_ids, rule.channel_ids, rule.resolve_after, rule.active) == ([monitor.id], [channel.id], 3, True)
    shown = text(at_home.get(RULES))
    assert "Slow Response time is above 800 ms Shop Ops Low Active" in shown


def test_a_rule_is_changed_with_what_it_was_already_in_the_form(at_home, alice):
    monitor = make_monitor(alice)
    rule = make_rule(alice, condition="uptime", value=99.95, window="7d", monitor_ids=[monitor.id], active=False)
    rule_id = rule.id
    path = f"/alerts/rules/{rule_id}/edit"

    given = values(form_of(soup(at_home.get(path)), "Save"))
    reply = at_home.submit(path, given | {"name": "Renamed"})

    rule = newest(AlertRule, alice)
    assert (given["value"], given["window"], given["scope"], "active" in given) == ("99.95", "7d", "chosen", False)
    assert reply.status_code == 303
    assert (rule.id, rule.name, rule.value, rule.monitor_ids) == (rule_id, "Renamed", 99.95, [monitor.id])


@pytest.mark.parametrize(
    ("typed", "label", "words"),
    [
        ({"name": ""}, "Rule Name", "Enter a name."),
        ({"value": "many"}, "Value", "Use a number from 1 to 60,000 (milliseconds)."),
        ({"value": "0"}, "Value", "Use a number from 1 to 60,000 (milliseconds)."),
        ({"operator": "eq"}, "Operator", "Choose one of: is above, is at least, is below, is at most."),
        ({"resolve_after": "x"}, "Resolve After", "Enter a whole number."),
        ({"cooldown_minutes": "99999"}, "Cooldown Period", "Use a whole number from 0 to 10,080."),
    ],
)
def test_a_fault_is_told_at_its_field_and_nothing_typed_is_lost(at_home, typed, label, words):
    reply = at_home.submit("/alerts/rules/new", RULE | {"description": "Kept"} | typed)

    assert reply.status_code == 422
    assert fault(reply, label) == words
    assert values(form_of(soup(reply), "Create Rule"))["description"] == "Kept"


def test_choosing_no_monitor_is_a_fault(at_home):
    reply = at_home.submit("/alerts/rules/new", RULE | {"scope": "chosen"})

    assert "Choose at least one monitor, or all of them." in text(reply)


def test_a_comma_is_taken_for_a_point(at_home, alice):
    at_home.submit("/alerts/rules/new", RULE | {"condition": "uptime", "operator": "lt", "value": "99,5", "window": "30d"})

    assert (newest(AlertRule, alice).value, newest(AlertRule, alice).window) == (99.5, "30d")


def test_a_dry_run_says_what_would_open(at_home, alice):
    check(make_monitor(alice, name="Shop"), BAD)
    rule_id = make_rule(alice, condition="status_code", operator="eq", value=503).id

    page = text(at_home.get(f"/alerts/rules/{rule_id}/test"))

    assert "It would open an incident for 1 monitor." in page
    assert "Shop 503 Yes" in page


def test_a_figure_is_told_with_what_it_counts(at_home, alice):
    check(make_monitor(alice, name="Shop"), BAD)
    fields = [("check_failed", 1), ("response_time", 800), ("uptime", 99)]
    rules = [make_rule(alice, condition=condition, value=value).id for condition, value in fields]

    shown = [text(at_home.get(f"/alerts/rules/{rule_id}/test")) for rule_id in rules]

    assert [figure in page for figure, page in zip(("1 failed check in a row", "9 ms", "0%"), shown, strict=True)] == [True] * 3


def test_a_rule_is_deleted_after_a_question(at_home, alice):
    rule_id = make_rule(alice, name="Gone").id
    path = f"/alerts/rules/{rule_id}/delete"

    asked = text(at_home.get(path))
    reply = at_home.submit(path)

    assert "Delete “Gone”" in asked
    assert (reply.status_code, reply.headers["Location"]) == (303, RULES)
    db.session.rollback()
    assert AlertRule.find(db.session, alice.team_id, rule_id) is None


def test_a_webhooks_key_is_shown_once_and_kept_by_no_cache(at_home, alice):
    form = {"name": "Pager", "type": "webhook", "target": "https://pager.example.com/in/hush", "active": "y"}

    reply = at_home.submit("/alerts/channels/new", form)
    channel_id = newest(Channel, alice).id
    later = [at_home.get(each).get_data(as_text=True) for each in (CHANNELS, f"/alerts/channels/{channel_id}/edit")]

    secret = soup(reply).find(id="signing-key").get_text()
    assert secret.startswith("whsec_")
    assert reply.headers["Cache-Control"] == "no-store"
    assert "https://pager.example.com/…" in later[0]
    assert not any(secret in each or "hush" in each for each in later)


def test_saving_a_channel_without_typing_its_url_keeps_it(at_home, alice):
    channel = make_channel(alice, type="slack", target="https://hooks.example.com/one").channel
    before, path = channel.target_sealed, f"/alerts/channels/{channel.id}/edit"

    at_home.submit(path, {"name": "Renamed", "target": "", "active": "y"})

    kept = newest(Channel, alice)
    assert (kept.name, kept.target_sealed, kept.active) == ("Renamed", before, True)


@pytest.mark.parametrize("typed", ["", "ignored@example.com"])
def test_a_channel_leads_to_whoever_owns_the_team(at_home, alice, typed):
    form = {"name": "Boss", "type": "email", "recipient": "owner", "target": typed, "active": "y"}

    reply = at_home.submit("/alerts/channels/new", form)

    made = newest(Channel, alice)
    page = soup(at_home.get(f"/alerts/channels/{made.id}/edit"))
    assert (reply.status_code, made.shown) == (303, "owner")
    assert (page.select_one("[name=recipient][checked]")["value"], page.find(id="target")["value"]) == ("owner", "")


def test_saving_a_webhook_as_its_form_stands_keeps_its_url(at_home, alice):
    channel = make_channel(alice, type="slack", target="https://hooks.example.com/one").channel
    before, path = channel.target_sealed, f"/alerts/channels/{channel.id}/edit"
    given = values(form_of(soup(at_home.get(path)), "Save"))

    reply = at_home.submit(path, given)

    assert (reply.status_code, given["target"], newest(Channel, alice).target_sealed) == (303, "", before)


def test_the_choice_of_the_owner_is_of_no_matter_to_a_webhook(at_home, alice):
    form = {"name": "Hook", "type": "webhook", "recipient": "owner", "target": "https://hooks.example.com/x", "active": "y"}

    at_home.submit("/alerts/channels/new", form)

    assert newest(Channel, alice).shown == "https://hooks.example.com/…"


def test_an_email_channel_is_changed_and_switched_off(at_home, alice):
    path = f"/alerts/channels/{make_channel(alice).channel.id}/edit"
    given = values(form_of(soup(at_home.get(path)), "Save"))

    at_home.submit(path, {"name": "Ops", "target": "owner"})

    assert given["target"] == "ops@example.com"
    assert (newest(Channel, alice).shown, newest(Channel, alice).active) == ("owner", False)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"target": "nobody"}, "Enter an email address such as name@example.com."),
        ({"type": "webhook", "target": "http://10.0.0.1/"}, "public"),
        ({"name": " "}, "Enter a name."),
    ],
)
def test_a_channel_that_cannot_be_is_refused_at_its_field(at_home, typed, words):
    reply = at_home.submit("/alerts/channels/new", {"name": "Ops", "type": "email", "target": "ops@example.com"} | typed)

    assert reply.status_code == 422
    assert words in text(reply)


def test_on_free_a_webhook_is_refused_with_the_way_out(at_home, alice):
    alice.set_plan(Plan.FREE)

    reply = at_home.submit("/alerts/channels/new", {"name": "Hook", "type": "webhook", "target": "https://example.com/"})

    assert reply.status_code == 422
    assert "The Free plan includes only Email channels." in text(reply)


def test_a_test_notification_is_sent_by_a_button(at_home, alice):
    channel_id = make_channel(alice).channel.id

    reply = at_home.submit(f"/alerts/channels/{channel_id}/test", page=CHANNELS)

    assert (reply.status_code, reply.headers["Location"]) == (303, CHANNELS)
    assert [each.event for each in deliveries()] == ["test"]


def test_what_came_of_the_last_notification_is_shown(at_home, alice):
    channel = make_channel(alice, type="slack", target="https://hooks.example.com/one").channel
    channel.last_error = "http_500"
    db.session.commit()

    assert "Failed: HTTP 500" in text(at_home.get(CHANNELS))


def test_a_channel_is_deleted_after_a_question(at_home, alice):
    channel_id = make_channel(alice).channel.id
    path = f"/alerts/channels/{channel_id}/delete"

    assert "Delete “Ops”" in text(at_home.get(path))
    assert at_home.submit(path).status_code == 303
    db.session.rollback()
    assert Channel.find(db.session, alice.team_id, channel_id) is None


def test_an_outage_is_planned_in_the_persons_timezone(at_home, alice):
    alice.user.timezone = "Europe/Berlin"
    db.session.commit()

    reply = at_home.submit("/alerts/outages/new", OUTAGE)

    planned = newest(PlannedOutage, alice)
    assert reply.status_code == 303
    assert (planned.timezone, planned.begins_text, planned.ends_text) == ("Europe/Berlin", "2026-03-01T02:00", "2026-03-01T04:00")
    assert "Upgrade All monitors Sundays, 02:00 to 04:00 Europe/Berlin" in text(at_home.get(OUTAGES))


def test_an_outage_is_changed_and_deleted(at_home, alice):
    outage = plan_outage(alice, *two_hours())
    path = f"/alerts/outages/{outage.id}"
    given = values(form_of(soup(at_home.get(f"{path}/edit")), "Save"))

    at_home.submit(f"{path}/edit", given | {"repeats": "daily"})
    changed = newest(PlannedOutage, alice).repeats
    at_home.submit(f"{path}/delete")

    db.session.rollback()
    assert (given["begins"], changed) == ("2096-03-01T02:00", "daily")
    assert db.session.query(PlannedOutage).all() == []


def two_hours():
    return datetime(2096, 3, 1, 2), datetime(2096, 3, 1, 4)  # noqa: DTZ001 - the wall's own time


@pytest.mark.parametrize(
    ("typed", "label", "words"),
    [
        ({"title": ""}, "Title", "Enter a title."),
        ({"repeats": "hourly"}, "Repeats", "Not a valid choice."),
        ({"begins": ""}, "Start", "Choose a day and a time."),
        ({"begins": "0001-01-01T00:00"}, "Start", "Choose a year from 2000 to 2199."),
        ({"ends": "2026-03-01T01:00"}, "End", "The end must be after the start."),
        (
            {"repeats": "once"},
            "End",
            "This lies in the past. Choose an end that is still to come, or an outage that repeats.",
        ),
    ],
)
def test_an_outage_that_cannot_be_is_refused_at_its_field(at_home, typed, label, words):
    reply = at_home.submit("/alerts/outages/new", OUTAGE | typed)

    assert reply.status_code == 422
    assert fault(reply, label) == words


@pytest.mark.parametrize(
    ("repeats", "begins", "ends", "told"),
    [
        ("once", "2096-12-28 22:00", "2097-01-02 06:00", "28 Dec 2096, 22:00 to 2 Jan 2097 06:00"),
        ("once", "2096-12-28 22:00", "2096-12-29 06:00", "28 Dec 2096, 22:00 to 29 Dec 06:00"),
        ("once", "2096-12-28 22:00", "2096-12-28 23:00", "28 Dec 2096, 22:00 to 23:00"),
        ("daily", "2096-12-28 22:00", "2096-12-29 06:00", "Daily from 28 Dec 2096, 22:00 to 06:00, next day"),
        ("weekly", "2096-12-28 22:00", "2096-12-30 06:00", "Fridays from 28 Dec 2096, 22:00 to 06:00, 2 days later"),
        ("monthly", "2096-12-28 22:00", "2096-12-28 23:00", "Monthly on day 28 from 28 Dec 2096, 22:00 to 23:00"),
        ("daily", "2026-03-01 22:00", "2026-03-01 23:00", "Daily, 22:00 to 23:00"),
        ("monthly", "2026-03-01 22:00", "2026-03-01 23:00", "Monthly on day 1, 22:00 to 23:00"),
    ],
)
def test_when_it_is_is_told_with_the_year_and_the_start_that_lies_ahead(at_home, alice, repeats, begins, ends, told):
    plan_outage(alice, datetime.fromisoformat(begins), datetime.fromisoformat(ends), repeats=repeats)

    cell = soup(at_home.get(OUTAGES)).find("td", {"data-label": "When"})

    assert words(cell) == f"{told} UTC"


def test_a_daily_outage_that_starts_next_week_is_not_over(at_home, alice):
    plan_outage(alice, *two_hours(), repeats="daily")

    cell = soup(at_home.get(OUTAGES)).find("td", {"data-label": "Next"})

    assert words(cell) == "1 Mar 2096, 02:00:00 UTC"


def test_whoever_only_reads_sees_all_and_changes_nothing(reader, alice):
    rule_id, channel_id = make_rule(alice).id, make_channel(alice).channel.id
    outage_id = plan_outage(alice, *two_hours()).id
    forbidden = [
        "/alerts/rules/new",
        f"/alerts/rules/{rule_id}/edit",
        f"/alerts/rules/{rule_id}/delete",
        "/alerts/channels/new",
        f"/alerts/channels/{channel_id}/edit",
        f"/alerts/channels/{channel_id}/delete",
        "/alerts/outages/new",
        f"/alerts/outages/{outage_id}/edit",
        f"/alerts/outages/{outage_id}/delete",
    ]

    assert [reader.get(each).status_code for each in forbidden] == [403] * len(forbidden)
    assert reader.submit(f"/alerts/channels/{channel_id}/test", page="/organization").status_code == 403
    assert [reader.get(each).status_code for each in (RULES, CHANNELS, OUTAGES, f"/alerts/rules/{rule_id}/test")] == [200] * 4
    assert "New Rule" not in text(reader.get(RULES))
    db.session.rollback()
    assert db.session.query(Delivery).all() == []


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/rules/{rule}/edit",
        "/alerts/rules/{rule}/test",
        "/alerts/rules/{rule}/delete",
        "/alerts/channels/{channel}/edit",
        "/alerts/channels/{channel}/delete",
        "/alerts/outages/{outage}/edit",
        "/alerts/outages/{outage}/delete",
    ],
)
def test_another_teams_are_not_found(at_home, charlie, path):
    ids = {"rule": make_rule(charlie).id, "channel": make_channel(charlie).channel.id}
    ids["outage"] = plan_outage(charlie, *two_hours()).id

    assert at_home.get(path.format(**ids)).status_code == 404


def test_hostile_names_are_shown_as_they_are(at_home, alice):
    make_rule(alice, name=HOSTILE, channel_ids=[make_channel(alice, name=HOSTILE).channel.id])
    plan_outage(alice, *two_hours(), title=HOSTILE)

    for path in (RULES, CHANNELS, OUTAGES):
        assert HOSTILE in " ".join(soup(at_home.get(path)).get_text(" ").split())
        assert "<script>alert" not in at_home.last.get_data(as_text=True)


CONDITIONS = {
    "status_code": (["is", "is not", "is above", "is at least", "is below", "is at most"], "Status code, 100 to 599."),
    "response_time": (["is above", "is at least", "is below", "is at most"], "Milliseconds, 1 to 60,000."),
    "uptime": (["is below", "is at most"], "Percent, 0.01 to 100."),
    "tls_expiry": (["is below", "is at most"], "Days, 1 to 365."),
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("page", ["page", "fragment"])
def test_a_condition_offers_what_it_can_be_compared_by_and_names_its_unit(at_home, condition, page):
    reply = (at_home.get if page == "page" else at_home.fragment)("/alerts/rules/new", query_string={"condition": condition})

    offered, unit = CONDITIONS[condition]
    part = soup(reply)
    assert [each.get_text() for each in part.select("#operator option")] == offered
    assert part.find(id="value-hint").find(string=True) == unit
    assert part.select_one("#condition [selected]")["value"] == condition
    assert (part.find("h1") is None) == (page == "fragment")


@pytest.mark.parametrize(("condition", "value", "operator"), [("uptime", "99.9", "lt"), ("tls_expiry", "14", "lt")])
def test_a_new_rule_is_accepted_at_once_whatever_its_condition(at_home, alice, condition, value, operator):
    untouched = values(form_of(soup(at_home.get("/alerts/rules/new")), "Create Rule"))

    reply = at_home.submit("/alerts/rules/new", untouched | {"name": "New", "condition": condition, "value": value})

    assert reply.status_code == 303
    assert (newest(AlertRule, alice).condition, newest(AlertRule, alice).operator) == (condition, operator)


def test_another_condition_keeps_no_value_of_the_old_one(at_home, alice):
    path = f"/alerts/rules/{make_rule(alice, condition='response_time', value=800).id}/edit"

    same, other = (soup(at_home.fragment(path, query_string={"condition": each})) for each in ("response_time", "uptime"))

    assert [each.find(id="value")["value"] for each in (same, other)] == ["800", ""]


def test_all_that_is_wrong_with_a_rule_is_told_at_once(at_home):
    wrong = {"name": "", "value": "", "resolve_after": "x", "cooldown_minutes": "99999"}

    reply = at_home.submit("/alerts/rules/new", RULE | wrong)

    assert [each["id"] for each in soup(reply).select("[aria-invalid]")] == [*wrong]


def test_all_that_is_wrong_with_an_outage_is_told_at_once(at_home):
    nothing = {"title": "", "begins": "", "ends": "", "scope": "chosen", "repeats": "daily"}

    replies = [at_home.submit("/alerts/outages/new", each) for each in (nothing, nothing | {"ends": "2026-03-09T01:00"})]

    told = [[each["id"] for each in soup(reply).select("[aria-invalid=true][id]")] for reply in replies]
    assert told == [["title", "begins", "ends"], ["title", "begins"]]
    assert all("Choose at least one monitor, or all of them." in text(reply) for reply in replies)


@pytest.mark.parametrize(("path", "button"), [(RULES, "New Rule"), (CHANNELS, "New Channel"), (OUTAGES, "New Planned Outage")])
def test_an_empty_list_holds_the_button_that_fills_it(at_home, alice, path, button):
    for kind in (AlertRule, Channel):
        for each in db.session.scalars(kind.of(alice.team_id)).all():
            each.delete(db.session, alice.actor)
    db.session.commit()

    found = [each for each in soup(at_home.get(path)).select("a.primary") if each.get_text().strip() == button]

    assert [each.find_parent(class_="empty") is not None for each in found] == [True]


def test_deleting_the_only_channel_of_a_rule_says_that_nobody_will_be_notified(at_home, alice):
    owner = db.session.scalars(Channel.of(alice.team_id)).one().id
    spare = make_channel(alice, name="Spare").channel.id
    make_rule(alice, name="Both", channel_ids=[owner, spare])
    make_rule(alice, name="Off", channel_ids=[owner], active=False)

    asked = text(at_home.fragment(f"/alerts/channels/{owner}/delete"))

    assert "Afterwards nobody is notified of incidents that this rule opens: Monitor down." in asked
    assert "nobody is notified" not in text(at_home.fragment(f"/alerts/channels/{spare}/delete"))


def test_a_rule_that_is_on_and_notifies_nobody_is_marked(at_home, alice):
    hook = make_channel(alice, type="webhook", target="https://hooks.example.com/x").channel.id
    make_rule(alice, name="Silent", channel_ids=[hook])
    make_rule(alice, name="Alone")
    make_rule(alice, name="Off", active=False)
    alice.set_plan(Plan.FREE)

    marks = {row.th.a.get_text(): row.select_one(".mark.warn") for row in soup(at_home.get(RULES)).select("tbody tr")}

    assert {name: mark and mark.get_text() for name, mark in marks.items()} == {
        "Monitor down": None,
        "Silent": "Nobody: its channels are silent",
        "Alone": "Nobody",
        "Off": None,
    }
