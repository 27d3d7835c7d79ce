"""Notices on their way: to real peers over HTTP and SMTP's stand-in, in order, signed, tried again, given up after a day."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Generator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import time_machine
from limits import parse
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from pulse.addresses import AddressGuard
from pulse.checker import Delivering
from pulse.checker.delivering import SHARE, claimed, send_mails
from pulse.clock import utcnow
from pulse.db import connect
from pulse.extensions import db, services
from pulse.mail import FileOutbox, Sender
from pulse.models.channel import KEY, Channel, ChannelType
from pulse.models.delivery import GIVEN_UP_AFTER, Delivery
from pulse.models.refusals import Faults, LimitReached, RateLimited, Refused
from pulse.plans import Plan
from pulse.probe import Prober
from tests.alerts import deliveries, make_channel, only_rule
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.targets import Target, hanging, redirecting, replying, serve

SITE = "https://pulse.example.com"


@pytest.fixture
def sessions(app, settings) -> Generator[sessionmaker[Session]]:
    engine = connect(settings.database)
    yield sessionmaker(engine)
    engine.dispose()


def hand_over(sessions, guard: AddressGuard | None = None) -> None:
    db.session.rollback()
    Delivering(sessions, services().vault, Prober(guard or services().guard), SITE).do_all()


def make_due() -> None:
    db.session.execute(update(Delivery).values(due_at=utcnow()))
    db.session.commit()


def webhook(person, target: Target, **fields) -> tuple[Channel, str]:
    made = make_channel(person, name="Hook", type="webhook", target=target.url + "hook?key=hush", **fields)
    return made.channel, made.secret or ""


def fail(person, channel: Channel, *outcomes, name: str = "Shop"):
    monitor = make_monitor(person, name=name)
    only_rule(person, channel_ids=[channel.id], resolve_after=1)
    check(monitor, *outcomes or (BAD,))
    return monitor


def test_a_webhook_gets_the_notice_signed(alice, sessions):
    with serve(replying(200)) as target:
        channel, secret = webhook(alice, target)
        fail(alice, channel)
        hand_over(sessions)

    (received,) = target.requests
    told = json.loads(received.body)
    signed = received.headers["pulse-timestamp"].encode() + b"." + received.body
    assert (received.method, received.path) == ("POST", "/hook?key=hush")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["pulse-event"] == told["event"] == "incident.created"
    assert received.headers["pulse-signature"] == "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert abs(int(received.headers["pulse-timestamp"]) - utcnow().timestamp()) < 60
    (delivery,) = deliveries()
    assert (delivery.delivered_at is not None, delivery.error, received.headers["pulse-delivery"]) == (
        True,
        None,
        str(delivery.id),
    )
    assert secret.startswith(KEY)


def test_what_fails_is_tried_again_with_the_same_body(alice, sessions):
    with serve(replying(500)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        hand_over(sessions)
        hand_over(sessions)
        early = len(target.requests)
        target.behaviour = replying(204)
        make_due()
        hand_over(sessions)

    bodies = {each.body for each in target.requests}
    (delivery,) = deliveries()
    assert (early, len(target.requests), len(bodies)) == (1, 2, 1)
    assert (delivery.attempts, delivery.error, delivery.delivered_at is not None) == (2, None, True)


def test_the_end_waits_for_the_beginning(alice, sessions):
    with serve(replying(503)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel, BAD, GOOD)
        hand_over(sessions)
        make_due()
        hand_over(sessions)
        target.behaviour = replying(200)
        make_due()
        hand_over(sessions)
        hand_over(sessions)

    events = [json.loads(each.body)["event"] for each in target.requests]
    assert events == ["incident.created"] * 3 + ["incident.resolved"]


def test_one_incident_does_not_wait_for_another(alice, sessions):
    with serve(replying(500)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        hand_over(sessions)
        target.behaviour = replying(200)
        check(make_monitor(alice, name="Other"), BAD)
        hand_over(sessions)

    assert [json.loads(each.body)["monitor"]["name"] for each in target.requests] == ["Shop", "Other"]


def test_it_waits_longer_after_each_try_and_ends_after_a_day(alice, sessions, capfd):
    waits = []
    with serve(replying(500)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        for _ in range(3):
            hand_over(sessions)
            (delivery,) = deliveries()
            waits.append(delivery.due_at - utcnow())
            make_due()
        db.session.execute(update(Delivery).values(created_at=utcnow() - GIVEN_UP_AFTER - timedelta(seconds=1)))
        db.session.commit()
        hand_over(sessions)
        make_due()
        hand_over(sessions)

    (delivery,) = deliveries()
    assert [round(each.total_seconds(), -1) for each in waits] == [30, 60, 120]
    assert (len(target.requests), delivery.dropped_at is not None, delivery.error) == (4, True, "http_500")
    assert "delivery_dropped" in capfd.readouterr().out


def test_a_peer_that_fails_for_an_hour_hears_everything_once_and_in_order_afterwards(alice, sessions):
    with serve(replying(503)) as target, time_machine.travel(utcnow(), tick=False) as clock:
        channel, _ = webhook(alice, target)
        shop, blog = fail(alice, channel), make_monitor(alice, name="Blog")
        for minute in range(60):
            if minute == 10:
                check(blog, BAD, at=utcnow())
            if minute == 20:
                check(shop, GOOD, at=utcnow())
                check(blog, GOOD, at=utcnow())
            hand_over(sessions)
            clock.shift(timedelta(minutes=1))
        tries = Counter(each.headers["pulse-delivery"] for each in target.requests)
        before = len(target.requests)
        target.behaviour = replying(200)
        for _ in range(60):
            hand_over(sessions)
            clock.shift(timedelta(minutes=1))

    told = [json.loads(each.body) for each in target.requests[before:]]
    assert [each["event"] for each in told if each["monitor"]["name"] == "Shop"] == ["incident.created", "incident.resolved"]
    assert [each["event"] for each in told if each["monitor"]["name"] == "Blog"] == ["incident.created", "incident.resolved"]
    # Of each incident its first notice alone was tried, ever less often.
    assert (len(tries), before) == (2, sum(tries.values()))
    assert all(5 <= count <= 8 for count in tries.values())
    assert all(each.delivered_at for each in deliveries())


@pytest.mark.parametrize("behaviour", [redirecting(302, "https://example.com/"), replying(304), replying(404)])
def test_only_2xx_is_a_receipt_and_no_redirect_is_followed(alice, sessions, behaviour):
    with serve(behaviour) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        hand_over(sessions)

    (delivery,) = deliveries()
    assert (len(target.requests), delivery.delivered_at) == (1, None)


def test_an_address_that_may_not_be_reached_is_not(alice, sessions):
    with serve(replying(200)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        hand_over(sessions, AddressGuard())

    (delivery,) = deliveries()
    assert (target.hits, delivery.error) == (0, "forbidden_address")


def test_a_peer_that_hangs_keeps_no_other_waiting(alice, charlie, sessions, monkeypatch):
    monkeypatch.setattr("pulse.checker.delivering.TIMEOUT_SECONDS", 0.5)
    with serve(hanging()) as slow, serve(replying(200)) as quick:
        for person, target in ((alice, slow), (charlie, quick)):
            channel, _ = webhook(person, target)
            fail(person, channel)
        hand_over(sessions)

    assert [each.error for each in deliveries()] == ["timeout", None]


def test_a_team_whose_peers_hang_takes_no_more_than_its_share(alice, charlie, sessions, monkeypatch):
    monkeypatch.setattr("pulse.checker.delivering.MOST_AT_ONCE", SHARE + 2)
    monkeypatch.setattr("pulse.checker.delivering.TIMEOUT_SECONDS", 0.5)
    arrived = []

    async def note(received, writer):
        arrived.append(slow.hits)
        await replying(200)(received, writer)

    with serve(hanging()) as slow, serve(note) as quick:
        for person, target, count in ((alice, slow, SHARE + 5), (charlie, quick, 2)):
            channels = [webhook(person, target)[0].id for _ in range(count)]
            only_rule(person, channel_ids=channels)
            check(make_monitor(person), BAD)
        hand_over(sessions)

    assert Counter(each.error for each in deliveries()) == {"timeout": SHARE + 5, None: 2}
    assert len(arrived) == 2
    assert max(arrived) <= SHARE
    assert {each.attempts for each in deliveries()} == {1}


def test_where_there_is_no_room_for_all_those_come_first_who_have_the_fewest_on_their_way(alice, charlie, sessions):
    for person in (alice, charlie):
        made = [make_channel(person, type="slack", target="https://hooks.example.com/x").channel for _ in range(4)]
        only_rule(person, channel_ids=[each.id for each in made])
        check(make_monitor(person), BAD)
    kinds = (ChannelType.SLACK,)
    db.session.rollback()

    first = [each.channel for each in claimed(sessions, kinds, 3, utcnow())]
    then = [each.channel for each in claimed(sessions, kinds, 3, utcnow(), first)]

    assert [each.team_id for each in first] == [alice.team_id, charlie.team_id, alice.team_id]
    assert [each.team_id for each in then] == [charlie.team_id, alice.team_id, charlie.team_id]


def test_slack_is_told_in_a_sentence_with_a_link(alice, sessions):
    with serve(replying(200)) as target:
        made = make_channel(alice, type="slack", target=target.url)
        fail(alice, made.channel, name="A <b> & c")
        hand_over(sessions)

    (received,) = target.requests
    (delivery,) = deliveries()
    link = f"<{SITE}/incidents/{delivery.incident_id}|A &lt;b&gt; &amp; c is down>"
    assert json.loads(received.body) == {"text": f"{link}\nseverity high, down, unexpected status, HTTP 503, 9 ms"}
    assert "pulse-signature" not in received.headers
    assert made.secret is None


def read(folder):
    return [message_from_bytes(each.read_bytes(), policy=default) for each in sorted(folder.glob("*.eml"))]


def test_mail_goes_to_the_address_and_to_whoever_is_owner(alice, bob, sessions, tmp_path):
    sender = Sender(FileOutbox(tmp_path), "pulse@example.com", "example.com")
    channels = [make_channel(alice, name=each, target=each).channel.id for each in ("ops@example.com", "owner")]
    monitor = make_monitor(alice, name="Shop")
    only_rule(alice, channel_ids=channels, resolve_after=1, priority="critical")
    check(monitor, BAD, GOOD)
    db.session.rollback()

    tried = send_mails(sessions, sender, SITE)

    mails = read(tmp_path)
    assert tried == 4
    assert sorted((mail["To"], mail["Subject"]) for mail in mails) == [
        ("alice@example.com", "Critical: Shop is down"),
        ("alice@example.com", "Resolved: Shop is down"),
        ("ops@example.com", "Critical: Shop is down"),
        ("ops@example.com", "Resolved: Shop is down"),
    ]
    assert len({mail["Message-ID"] for mail in mails}) == 4
    text = next(mail.get_content() for mail in mails if mail["Subject"].startswith("Critical"))
    assert f"{SITE}/incidents/" in text
    assert "Alert rule: Rule" in text
    assert "unexpected status, HTTP 503" in text


def test_an_address_gets_no_more_than_so_many_mails_an_hour_and_the_rest_waits(alice, charlie, sessions, tmp_path, monkeypatch):
    monkeypatch.setattr("pulse.checker.delivering.MAILS", parse("3 per hour"))
    sender = Sender(FileOutbox(tmp_path), "pulse@example.com", "example.com")
    for person in (alice, charlie):
        only_rule(person, channel_ids=[make_channel(person, target="victim@example.com").channel.id], resolve_after=1)
        check(make_monitor(person), BAD, GOOD)
    db.session.rollback()

    send_mails(sessions, sender, SITE)

    assert len(read(tmp_path)) == 3
    (late,) = [each for each in deliveries() if each.delivered_at is None]
    assert (late.error, late.dropped_at, late.due_at > utcnow()) == ("too_many_mails", None, True)


def test_webhooks_fall_silent_on_a_plan_without_them(alice, sessions):
    with serve(replying(200)) as target:
        channel, _ = webhook(alice, target)
        monitor = fail(alice, channel)
        alice.set_plan(Plan.FREE)
        hand_over(sessions)
        check(monitor, GOOD)

    (delivery,) = deliveries()
    assert (target.hits, delivery.error, delivery.dropped_at is not None) == (0, "not_in_plan", True)
    with pytest.raises(Refused):
        make_channel(alice, type="slack", target="https://hooks.slack.com/services/T/B/x")
    make_channel(alice)


def test_a_channel_that_is_switched_off_is_told_nothing(alice, sessions):
    with serve(replying(200)) as target:
        channel, _ = webhook(alice, target)
        fail(alice, channel)
        change(channel, alice, active=False)
        hand_over(sessions)
        check(make_monitor(alice, name="Other"), BAD)

    assert (target.hits, [each.error for each in deliveries()]) == (0, ["switched_off"])


def change(channel: Channel, person, **fields) -> None:
    channel.change(db.session, fields, vault=services().vault, guard=services().guard, by=person.actor)  # pyright: ignore[reportArgumentType]
    db.session.commit()


def test_a_test_notification_arrives_and_is_bounded(alice, sessions):
    with serve(replying(200)) as target:
        channel, _ = webhook(alice, target)
        for _ in range(5):
            channel.test(db.session, alice.team, alice.actor)
        with pytest.raises(RateLimited):
            channel.test(db.session, alice.team, alice.actor)
        db.session.commit()
        hand_over(sessions)

    told = json.loads(target.requests[0].body)
    assert (told["event"], told["incident"], told["team"]["id"]) == ("test", None, alice.team_id)


def test_a_deleted_channel_takes_what_waits_along(alice):
    channel = make_channel(alice).channel
    fail(alice, channel)
    channel.delete(db.session, alice.actor)
    db.session.commit()

    assert deliveries() == []


def test_an_address_is_sealed_and_shown_no_further_than_its_host(alice):
    url = "https://hooks.example.com/services/T00/B00/secret"
    channel = make_channel(alice, type="slack", target=url).channel

    assert channel.shown == "https://hooks.example.com/…"
    assert services().vault.open(channel.target_sealed) == url
    assert b"secret" not in (channel.target_sealed or b"secret")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"type": "pigeon"}, "type"),
        ({"target": "nobody"}, "target"),
        ({"type": "webhook", "target": "ftp://example.com/"}, "target"),
        ({"type": "webhook", "target": "http://10.0.0.1/"}, "target"),
        ({"type": "slack", "target": ""}, "target"),
    ],
)
def test_what_a_channel_cannot_be_is_refused_at_its_field(alice, fields, field):
    with pytest.raises(Faults) as refused:
        make_channel(alice, **fields)

    assert [fault.field for fault in refused.value.faults] == [field]


def test_a_team_has_a_bounded_number_of_channels(alice, monkeypatch):
    monkeypatch.setattr("pulse.models.channel.MOST", 2)
    make_channel(alice)

    with pytest.raises(LimitReached):
        make_channel(alice)


def test_what_is_done_with_is_swept_after_a_month(alice):
    fail(alice, make_channel(alice).channel)
    db.session.execute(update(Delivery).values(created_at=utcnow() - timedelta(days=31)))
    db.session.commit()

    assert Delivery.sweep(db.session) == 1
