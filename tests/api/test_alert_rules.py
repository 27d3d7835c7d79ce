"""Alert rules and channels over the API."""

import pytest
from sqlalchemy import select

from pulse.extensions import db
from pulse.models.delivery import Delivery
from pulse.models.event import OPERATOR, Event
from pulse.plans import Plan
from tests.alerts import make_channel
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, GOOD, check, make_monitor

RULE = {"name": "Slow", "condition": "response_time", "value": 800}
RULE_MEMBERS = set(
    """
    id name description condition operator value window monitor_ids channel_ids cooldown_minutes priority resolve_after active
    created_at
    """.split()  # noqa: SIM905 - read as words
)
CHANNEL_MEMBERS = {"id", "name", "type", "target", "active", "created_at", "last_tried_at", "last_error"}


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


def faults(reply) -> dict[str, str]:
    return {each["field"]: each["message"] for each in assert_problem(reply, 422, "validation_failed")["errors"]}


def test_a_rule_is_made_with_its_defaults(api, token):
    reply = api.post("/alert-rules", token, json=RULE)

    made = reply.get_json()
    assert (reply.status_code, set(made)) == (201, RULE_MEMBERS)
    assert reply.headers["Location"].endswith(f"/api/v1/alert-rules/{made['id']}")
    assert (made["operator"], made["value"], made["window"], made["monitor_ids"], made["channel_ids"]) == (
        "gt",
        800,
        None,
        None,
        [],
    )
    assert (made["cooldown_minutes"], made["priority"], made["resolve_after"], made["active"]) == (0, "high", 2, True)
    assert api.get(f"/alert-rules/{made['id']}", token).get_json() == made


def test_a_whole_rule_comes_back_as_it_was_written(api, token, alice):
    monitors, channel = [make_monitor(alice).id, make_monitor(alice).id], make_channel(alice).channel.id
    whole = {
        "name": "Uptime",
        "description": "What we promised",
        "condition": "uptime",
        "operator": "lte",
        "value": 99.95,
        "window": "30d",
        "monitor_ids": monitors,
        "channel_ids": [channel],
        "cooldown_minutes": 60,
        "priority": "low",
        "resolve_after": 5,
        "active": False,
    }

    made = api.post("/alert-rules", token, json=whole).get_json()

    assert {name: made[name] for name in whole} == whole
    assert api.get("/alert-rules", token).get_json()["data"][0] == made


def test_a_rule_is_changed_and_deleted(api, token, alice):
    made = api.post("/alert-rules", token, json=RULE).get_json()

    changed = api.patch(f"/alert-rules/{made['id']}", token, json={"condition": "tls_expiry", "value": 14}).get_json()
    again = api.patch(f"/alert-rules/{made['id']}", token, json={"condition": "tls_expiry", "value": 14}).get_json()
    gone = api.delete(f"/alert-rules/{made['id']}", token)

    assert changed == again == made | {"condition": "tls_expiry", "operator": "lt", "value": 14}
    assert gone.status_code == 204
    assert_problem(api.get(f"/alert-rules/{made['id']}", token), 404, "not_found")
    db.session.rollback()
    trail = [each.action for each in db.session.query(Event).order_by(Event.id) if each.action.startswith("alert_rule.")]
    assert trail == ["alert_rule.created", "alert_rule.changed", "alert_rule.deleted"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"value": 0}, {"value"}),
        ({"value": "800"}, {"value"}),
        ({"value": True}, {"value"}),
        ({"condition": "mood"}, {"condition"}),
        ({"name": " ", "priority": "urgent", "cooldown_minutes": -1}, {"name", "priority", "cooldown_minutes"}),
        ({"monitor_ids": [9999999], "channel_ids": [9999999]}, {"monitor_ids", "channel_ids"}),
        ({"monitor_ids": list(range(1, 1002))}, {"monitor_ids"}),
        ({"severity": "low"}, {"severity"}),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_all_its_faults(api, token, fields, wrong):
    assert set(faults(api.post("/alert-rules", token, json=RULE | fields))) == wrong


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"condition": "foo"}, {"name", "condition", "value"}),
        (
            {"condition": "uptime", "operator": "gt", "value": 500, "window": "2h", "name": ""},
            {"operator", "value", "window", "name"},
        ),
        ({"condition": "status_code", "operator": 1, "priority": "x"}, {"name", "value", "operator", "priority"}),
    ],
)
def test_what_is_missing_hides_no_other_fault(api, token, fields, wrong):
    assert set(faults(api.post("/alert-rules", token, json=fields))) == wrong


def test_what_a_change_leaves_out_is_kept_though_it_was_deleted_since(api, token, alice):
    monitor, channel = make_monitor(alice), make_channel(alice).channel
    made = api.post("/alert-rules", token, json=RULE | {"monitor_ids": [monitor.id], "channel_ids": [channel.id]}).get_json()
    monitor.delete(db.session, OPERATOR)
    channel.delete(db.session, OPERATOR)
    db.session.commit()

    changed = api.patch(f"/alert-rules/{made['id']}", token, json={"active": False}).get_json()
    emptied = api.patch(f"/alert-rules/{made['id']}", token, json={"active": True, "monitor_ids": []})

    assert changed == made | {"monitor_ids": [], "channel_ids": [], "active": False}
    assert api.get(f"/alert-rules/{made['id']}", token).get_json() == changed
    assert set(faults(emptied)) == {"monitor_ids"}


def test_a_change_is_told_all_its_faults_too(api, token):
    made = api.post("/alert-rules", token, json=RULE).get_json()

    reply = api.patch(f"/alert-rules/{made['id']}", token, json={"condition": "uptime", "value": 101, "name": None, "active": 1})

    assert set(faults(reply)) == {"value", "name", "active"}


def test_a_dry_run_tells_what_would_be_met_and_opens_nothing(api, token, alice):
    slow, quick, silent = (make_monitor(alice, name=each) for each in ("Slow", "Quick", "Silent"))
    check(slow, BAD)
    check(quick, GOOD)
    rule = api.post("/alert-rules", token, json=RULE | {"condition": "status_code", "operator": "gte", "value": 500}).get_json()

    found = api.post(f"/alert-rules/{rule['id']}/test", token).get_json()

    assert found["met"] == 1
    assert found["findings"] == [
        {"monitor_id": quick.id, "name": "Quick", "figure": 200, "met": False},
        {"monitor_id": silent.id, "name": "Silent", "figure": None, "met": None},
        {"monitor_id": slow.id, "name": "Slow", "figure": 503, "met": True},
    ]
    assert api.get("/incidents", token).get_json()["data"] == []


def test_a_webhooks_key_is_told_once_and_its_address_never(api, token):
    body = {"name": "Pager", "type": "webhook", "target": "https://pager.example.com/in/hush-hush"}

    made = api.post("/channels", token, json=body).get_json()
    read = api.get(f"/channels/{made['id']}", token)

    assert set(made) == CHANNEL_MEMBERS | {"secret"}
    assert made["secret"].startswith("whsec_")
    assert (made["target"], set(read.get_json())) == ("https://pager.example.com/…", CHANNEL_MEMBERS)
    assert "hush-hush" not in read.get_data(as_text=True)


def test_a_channel_is_changed_and_deleted(api, token):
    made = api.post("/channels", token, json={"name": "Ops", "type": "email", "target": "ops@example.com"}).get_json()
    path = f"/channels/{made['id']}"

    changed = api.patch(path, token, json={"target": "owner", "active": False}).get_json()
    gone = api.delete(path, token)

    assert (made["secret"], changed["target"], changed["active"], changed["name"]) == (None, "owner", False, "Ops")
    assert gone.status_code == 204
    assert_problem(api.get(path, token), 404, "not_found")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"target": "nobody"}, {"target"}),
        ({"name": "", "target": ""}, {"name", "target"}),
        ({"type": "pigeon"}, {"type"}),
        ({"type": "pigeon", "name": " "}, {"type", "name"}),
        ({"type": "webhook", "target": "http://169.254.169.254/latest"}, {"target"}),
        ({"secret": "mine"}, {"secret"}),
    ],
)
def test_a_channel_that_cannot_be_is_refused(api, token, fields, wrong):
    body = {"name": "Ops", "type": "email", "target": "ops@example.com"} | fields

    assert set(faults(api.post("/channels", token, json=body))) == wrong


@pytest.mark.parametrize(
    "made",
    [
        {"name": "Ops", "type": "email", "target": "ops@example.com"},
        {"name": "Pager", "type": "webhook", "target": "https://pager.example.com/in/hush-hush"},
    ],
)
def test_a_channel_written_as_it_is_leaves_no_event(api, token, alice, made):
    path = f"/channels/{api.post('/channels', token, json=made).get_json()['id']}"
    del made["type"]

    same = api.patch(path, token, json=made | {"active": True})
    other = api.patch(path, token, json={"name": "Other"})

    assert (same.status_code, other.get_json()["name"]) == (200, "Other")
    db.session.rollback()
    assert db.session.scalars(select(Event.action).where(Event.action.startswith("channel.")).order_by(Event.id)).all() == [
        "channel.created",
        "channel.changed",
    ]


def test_a_channel_that_is_switched_off_takes_no_test(api, token, alice):
    path = f"/channels/{make_channel(alice).channel.id}"
    api.patch(path, token, json={"active": False})

    assert_problem(api.post(f"{path}/test", token), 409, "conflict")
    db.session.rollback()
    assert db.session.query(Delivery).all() == []


def test_a_test_notification_is_queued(api, token, alice):
    channel = make_channel(alice).channel.id

    reply = api.post(f"/channels/{channel}/test", token)

    assert (reply.status_code, reply.get_json()["event"], reply.get_json()["channel_id"]) == (202, "test", channel)
    db.session.rollback()
    assert db.session.query(Delivery).one().id == reply.get_json()["id"]


def test_test_notifications_are_bounded(api, token, alice):
    channel = make_channel(alice).channel.id

    replies = [api.post(f"/channels/{channel}/test", token) for _ in range(6)]

    assert [each.status_code for each in replies] == [202] * 5 + [429]
    assert replies[-1].headers["Retry-After"] == "600"


def test_a_smaller_plan_keeps_rules_and_channels(api, token, alice):
    made = api.post(
        "/channels", token, json={"name": "Pager", "type": "slack", "target": "https://hooks.example.com/x"}
    ).get_json()
    alice.set_plan(Plan.FREE)
    alice.set_plan(Plan.STARTER)

    assert api.get(f"/channels/{made['id']}", token).get_json()["active"] is True
