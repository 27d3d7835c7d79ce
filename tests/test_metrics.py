"""The operator's metrics: true, and there for nobody but the machine itself."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.outbox import Message
from tests.factories import make_key
from tests.helpers import knock
from tests.monitors import BAD, GOOD, check, make_monitor

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def client(app):
    return app.test_client(use_cookies=False)


def figures(client) -> dict[str, float]:
    reply = knock(client, "/metrics", environ_overrides=LOCAL)
    assert reply.status_code == 200
    families = text_string_to_metric_families(reply.get_data(as_text=True))
    return {f"{each.name} {each.labels.get('state', '')}".strip(): each.value for family in families for each in family.samples}


def test_it_counts_what_all_teams_have(client, alice, charlie):
    check(make_monitor(alice, name="Shop"), BAD, BAD)
    check(make_monitor(charlie, name="Blog"), GOOD)
    make_key(alice, name="One")
    make_key(charlie, name="Two")
    make_key(alice, name="Gone").key.revoke(db.session, by=alice.actor)
    db.session.commit()
    mails = db.session.scalar(select(func.count(Message.id)))

    told = figures(client)

    assert [told[f"pulse_monitors {state}"] for state in ("up", "down", "paused", "pending")] == [1, 1, 0, 0]
    assert (told["pulse_incidents_active"], told["pulse_api_keys_live"], told["pulse_emails_waiting"]) == (1, 2, mails)
    assert told["pulse_notifications_waiting"] == 1
    assert told["process_resident_memory_bytes"] > 0


def test_it_tells_how_long_a_check_has_waited(client, alice):
    make_monitor(alice).next_check_at = utcnow() - timedelta(seconds=90)
    db.session.commit()

    assert 90 <= figures(client)["pulse_checks_overdue_seconds"] < 120


def test_nothing_is_overdue_where_there_is_nothing_to_check(client):
    assert figures(client)["pulse_checks_overdue_seconds"] == 0


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.7", {}),
        ("10.0.0.1", {}),
        (None, {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
        ("::1", {"Via": "1.1 proxy"}),
    ],
)
def test_from_elsewhere_it_is_no_other_than_an_unknown_path(client, address, headers):
    asked = {"environ_overrides": {"REMOTE_ADDR": address}, "headers": headers}

    reply, unknown = knock(client, "/metrics", **asked), knock(client, "/metricz", **asked)

    assert reply.status_code == unknown.status_code == 404
    assert len(reply.data) == len(unknown.data)
