"""What a key's owner is mailed: each act, an expiry that comes near, a use from somewhere new."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.event import OPERATOR, Actor, ActorKind
from pulse.models.key_counting import Tally, Use, record
from pulse.models.key_notices import expiring, tell_of_new_networks
from pulse.models.key_notices import tell_of_expiry as tell_of_expiry_of
from pulse.models.outbox import Message
from pulse.models.refusals import Invalid
from tests.factories import make_key


def subjects():
    found = [each.subject for each in db.session.scalars(select(Message).order_by(Message.id))]
    db.session.execute(delete(Message))
    db.session.commit()
    return found


def test_every_act_on_a_key_is_mailed_to_its_owner(alice):
    browser = Actor(ActorKind.USER, alice.user_id, address="203.0.113.7", user_agent="Firefox")
    key = make_key(alice).key
    key.rotate(db.session, replacing=key.token.id, by=browser)
    key.narrow(db.session, [Ability.MONITORS_READ], by=browser)
    key.revoke(db.session, by=browser, reason=None)
    db.session.commit()

    mails = db.session.scalars(select(Message).order_by(Message.id)).all()

    assert {each.recipient for each in mails} == {alice.email}
    assert [each.subject for each in mails] == [
        "API key created: CI/CD Pipeline",
        "API key rotated: CI/CD Pipeline",
        "API key narrowed: CI/CD Pipeline",
        "API key deleted: CI/CD Pipeline",
    ]
    assert "From: 203.0.113.7\nClient: Firefox" in mails[1].body
    assert "Remaining: monitors:read" in mails[2].body


def test_no_mail_holds_a_token(alice):
    issued = make_key(alice)
    again = issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)
    db.session.commit()

    text = "".join(each.body + each.subject for each in db.session.scalars(select(Message)))

    assert issued.token not in text
    assert again.token not in text
    assert "pulse_" not in text


def test_keys_that_end_together_are_one_mail(alice, charlie):
    keys = [make_key(alice, name=f"K{number}") for number in range(3)]
    make_key(charlie)
    subjects()

    ended = ApiKey.revoke_all(db.session, by=OPERATOR, user_id=alice.user_id, reason="A leak.")
    db.session.commit()

    (mail,) = db.session.scalars(select(Message)).all()
    assert (ended, mail.recipient, mail.subject) == (3, alice.email, "3 API keys deleted")
    assert all(f"- {each.key.name}" in mail.body for each in keys)
    assert "Reason: A leak." in mail.body


def test_a_key_is_only_ever_narrowed(alice):
    key = make_key(alice, Ability.MONITORS_READ, Ability.CHECKS_READ).key

    for wanted in (
        [Ability.MONITORS_READ, Ability.CHECKS_READ],
        [Ability.MONITORS_WRITE],
        [Ability.MONITORS_READ, Ability.TEAM_READ],
    ):
        with pytest.raises(Invalid):
            key.narrow(db.session, wanted, by=alice.actor)
    with pytest.raises(Invalid):
        key.narrow(db.session, [], by=alice.actor)
    removed = key.narrow(db.session, [Ability.CHECKS_READ], by=alice.actor)

    assert (removed, key.ability_names) == (["monitors:read"], ["checks:read"])


@pytest.mark.parametrize("days", [30, 7, 1])
def test_an_expiry_is_told_once_at_each_step(alice, days, time_machine):
    key = make_key(alice, expires_in=timedelta(days=90)).key
    subjects()
    time_machine.move_to(ends(key) - timedelta(days=days) + timedelta(hours=1), tick=False)

    told = [tell_of_expiry() for _ in range(2)]

    when = "in 23 hours" if days == 1 else f"in {days} days"
    assert told == [1, 0]
    assert subjects() == [f"API key expires {when}: CI/CD Pipeline"]


def test_on_the_day_itself_it_is_told_once_more_and_then_never_again(alice, time_machine):
    key = make_key(alice, expires_in=timedelta(days=90)).key
    subjects()
    end = ends(key)
    for before in (timedelta(days=30), timedelta(days=1), timedelta(0), timedelta(hours=-3)):
        time_machine.move_to(end - before, tick=False)
        tell_of_expiry()
        db.session.commit()

    told = ("expires in 30 days", "expires in 24 hours", "has expired")
    assert subjects() == [f"API key {when}: CI/CD Pipeline" for when in told]


def test_a_mail_on_the_last_day_says_how_many_hours_are_left(alice, time_machine):
    key = make_key(alice, expires_in=timedelta(days=90)).key
    time_machine.move_to(ends(key) - timedelta(hours=3), tick=False)
    subjects()
    tell_of_expiry()

    assert subjects() == ["API key expires in 3 hours: CI/CD Pipeline"]


def test_a_short_life_is_not_announced_before_it_began(alice):
    make_key(alice, expires_in=timedelta(days=7))
    subjects()

    assert tell_of_expiry() == 0
    assert expiring(db.session) == []


def test_rotating_begins_the_announcements_anew(alice, time_machine):
    key = make_key(alice, expires_in=timedelta(days=90)).key
    time_machine.move_to(ends(key) - timedelta(days=1), tick=False)
    first = tell_of_expiry()
    key.rotate(db.session, replacing=key.token.id, by=alice.actor)
    after_rotation = tell_of_expiry()
    time_machine.move_to(ends(key) - timedelta(days=1), tick=False)

    assert (first, after_rotation, tell_of_expiry()) == (1, 0, 1)


def tell_of_expiry() -> int:
    return tell_of_expiry_of(db.session, expiring(db.session))


def ends(key: ApiKey) -> datetime:
    assert key.expires_at is not None
    return key.expires_at


def used(token_id, address, status=200):
    tally = Tally()
    live = status != 401
    tally.add(Use(token_id, utcnow(), "GET /key", "", status, "" if live else "token_rotated", address, "curl", live))
    tell_of_new_networks(db.session, record(db.session, tally))
    db.session.commit()


def test_a_use_from_a_new_network_is_told_and_the_first_one_is_not(alice):
    token_id = make_key(alice).key.token.id
    subjects()

    used(token_id, "203.0.113.7")
    used(token_id, "203.0.113.99")
    quiet = subjects()
    used(token_id, "198.51.100.1")

    assert quiet == []
    assert subjects() == ["API key used from a new network: CI/CD Pipeline"]


def test_of_new_networks_the_owner_hears_once_a_day(alice, time_machine):
    token_id = make_key(alice).key.token.id
    subjects()
    time_machine.move_to(utcnow(), tick=False)

    for number in range(5):
        used(token_id, f"198.51.{number}.1")
    heard = subjects()
    time_machine.shift(timedelta(days=1, minutes=1))
    used(token_id, "192.0.2.1")

    assert heard == ["API key used from a new network: CI/CD Pipeline"]
    assert subjects() == ["API key used from a new network: CI/CD Pipeline"]


def test_who_knocks_with_a_former_token_is_no_new_use(alice):
    key = make_key(alice).key
    former = key.token.id
    used(former, "203.0.113.7")
    key.rotate(db.session, replacing=former, by=alice.actor)
    db.session.commit()
    subjects()

    used(former, "198.51.100.1", status=401)

    assert subjects() == []


def test_a_network_known_from_a_former_token_is_not_new(alice):
    key = make_key(alice).key
    used(key.token.id, "203.0.113.7")
    key.rotate(db.session, replacing=key.token.id, by=alice.actor)
    db.session.commit()
    subjects()

    used(key.token.id, "203.0.113.7")

    assert subjects() == []
