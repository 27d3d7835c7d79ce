"""The life of a key: issue, rotate, revoke."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from pulse import tokens
from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.event import OPERATOR, Event
from pulse.models.refusals import Conflict, Invalid, LimitReached, NameTaken, PlanRequired
from pulse.models.token import Token
from pulse.plans import Plan
from tests.factories import Person, make_key

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def issue(person: Person, name: str = "CI", **options):
    chosen = {"abilities": [Ability.MONITORS_READ], "expires_at": None, "by": person.actor} | options
    return ApiKey.issue(db.session, person.membership(), name=name, **chosen)


@pytest.mark.parametrize(
    "name",
    ["", "   ", "\u200b", "\u2060\u200d", "a\x00b", "a\nb", "a\u2028b", "a\u202eb", "a\u2066b", "\ud800", "x" * 101],
)
def test_a_name_that_cannot_be_read_is_refused(alice, name):
    with pytest.raises(Invalid) as refusal:
        issue(alice, name)

    assert refusal.value.field == "name"
    db.session.rollback()
    assert ApiKey.of_user(db.session, alice.user_id) == []


def test_a_name_is_trimmed_and_composed(alice):
    assert issue(alice, "  Cafe\u0301  ").key.name == "Café"


def test_no_ability_is_refused(alice):
    with pytest.raises(Invalid) as refusal:
        issue(alice, abilities=[])

    assert refusal.value.field == "abilities"


def test_an_expiry_in_the_past_is_refused(alice):
    with pytest.raises(Invalid):
        issue(alice, expires_at=utcnow() - timedelta(seconds=1))


@pytest.mark.parametrize("twin", ["CI", "ci", " Ci "])
def test_a_name_is_unique_whatever_its_case(alice, twin):
    issue(alice, "CI")

    with pytest.raises(NameTaken):
        issue(alice, twin)


def test_a_teammate_may_use_the_same_name(alice, bob):
    issue(alice, "CI")

    other = ApiKey.issue(
        db.session,
        bob.membership(alice.team_id),
        name="CI",
        abilities=[Ability.MONITORS_READ],
        expires_at=None,
        by=bob.actor,
    )

    assert other.key.name == "CI"


def test_an_expired_key_keeps_its_name(alice):
    with time_machine.travel(NOON, tick=False):
        issue(alice, "CI", expires_at=NOON + timedelta(days=7))

    with time_machine.travel(NOON + timedelta(days=8), tick=False), pytest.raises(NameTaken):
        issue(alice, "CI")


def test_a_deleted_keys_name_is_free_again(alice):
    issue(alice, "CI").key.revoke(db.session, by=alice.actor)

    assert issue(alice, "CI").key.name == "CI"


def test_free_includes_no_keys(alice):
    alice.set_plan(Plan.FREE)

    with pytest.raises(PlanRequired):
        issue(alice)


def test_the_plans_number_of_keys_is_the_last(alice):
    alice.set_plan(Plan.STARTER)
    for number in range(5):
        issue(alice, f"Key {number}")

    with pytest.raises(LimitReached) as refusal:
        issue(alice, "One more")

    assert refusal.value.limit == 5


def test_a_token_is_stored_as_its_digest_alone(alice):
    issued = make_key(alice)

    row = db.session.execute(select(Token.__table__)).mappings().one()

    assert row["digest"] == tokens.digest(issued.token)
    assert row["last_eight"] == issued.token[-8:]
    assert issued.token not in repr(dict(row)) + repr(issued)


def test_rotating_replaces_the_token_and_nothing_else(alice):
    issued = make_key(alice, Ability.MONITORS_READ, Ability.KEY_ROTATE)
    before = (issued.key.id, issued.key.name, issued.key.abilities, issued.key.created_at, issued.key.expires_at)

    rotated = issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)

    key = rotated.key
    assert rotated.token != issued.token
    assert (key.id, key.name, key.abilities, key.created_at, key.expires_at) == before
    assert key.token.last_used_at is None
    assert key.token.last_eight == rotated.token[-8:]
    assert rotated.replaced is not None
    assert rotated.replaced.reason == "rotated"


def test_rotating_a_token_that_was_replaced_is_a_conflict(alice):
    issued = make_key(alice)
    stale = issued.key.token.id
    current = issued.key.rotate(db.session, replacing=stale, by=alice.actor)

    with pytest.raises(Conflict):
        issued.key.rotate(db.session, replacing=stale, by=alice.actor)

    assert issued.key.token.last_eight == current.token[-8:]


def test_rotating_with_another_keys_token_id_is_a_conflict(alice):
    ours, other = make_key(alice, name="A"), make_key(alice, name="B")

    with pytest.raises(Conflict):
        ours.key.rotate(db.session, replacing=other.key.token.id, by=alice.actor)


def test_rotating_a_deleted_key_is_a_conflict(alice):
    issued = make_key(alice)
    token_id = issued.key.token.id
    issued.key.revoke(db.session, by=alice.actor)

    with pytest.raises(Conflict):
        issued.key.rotate(db.session, replacing=token_id, by=alice.actor)


def test_rotating_on_free_is_refused(alice):
    issued = make_key(alice)
    alice.set_plan(Plan.FREE)

    with pytest.raises(PlanRequired):
        issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)


def test_rotating_gives_the_same_span_again(alice):
    with time_machine.travel(NOON, tick=False):
        issued = make_key(alice, expires_in=timedelta(days=30))

    with time_machine.travel(NOON + timedelta(days=45), tick=False):
        assert issued.key.expired
        issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)

        assert not issued.key.expired
        assert issued.key.expires_at == NOON + timedelta(days=75)


def test_deleting_twice_is_a_conflict(alice):
    issued = make_key(alice)
    issued.key.revoke(db.session, by=alice.actor)

    with pytest.raises(Conflict):
        issued.key.revoke(db.session, by=alice.actor)


def test_a_deleted_keys_id_never_comes_back(alice):
    gone = issue(alice, "Gone").key
    gone_id = gone.id
    db.session.delete(gone)
    db.session.commit()

    ids = {issue(alice, f"Key {number}").key.id for number in range(10)}

    assert gone_id not in ids


def test_a_stranger_finds_no_key(alice, charlie):
    issued = make_key(alice)

    assert ApiKey.find(db.session, charlie.user_id, issued.key.id) is None


def test_every_act_is_in_the_trail(alice):
    issued = make_key(alice, Ability.MONITORS_READ, name="Trail")
    rotated = issued.key.rotate(db.session, replacing=issued.key.token.id, by=alice.actor)
    rotated.key.revoke(db.session, by=alice.actor)

    trail = [(each.action, each.last_eight) for each in reversed(Event.of_key(db.session, issued.key.id))]

    old, new = issued.token[-8:], rotated.token[-8:]
    assert trail == [("key.created", old), ("key.rotated", new), ("key.deleted", new)]


def test_an_operator_revokes_all_keys_of_a_user(alice, charlie):
    make_key(alice, name="A")
    make_key(alice, name="B")
    other = make_key(charlie)

    revoked = ApiKey.revoke_all(db.session, user_id=alice.user_id, by=OPERATOR)

    assert revoked == 2
    assert ApiKey.of_user(db.session, alice.user_id) == []
    assert [key.id for key in ApiKey.of_user(db.session, charlie.user_id)] == [other.key.id]


def test_an_operator_revokes_what_was_issued_before_a_time(alice):
    with time_machine.travel(NOON, tick=False):
        make_key(alice, name="Old")
        renewed = make_key(alice, name="Renewed")
    with time_machine.travel(NOON + timedelta(hours=2), tick=False):
        renewed.key.rotate(db.session, replacing=renewed.key.token.id, by=alice.actor)
        make_key(alice, name="New")

        ApiKey.revoke_all(db.session, before=NOON + timedelta(hours=1), by=OPERATOR)

    assert {key.name for key in ApiKey.of_user(db.session, alice.user_id)} == {"Renewed", "New"}
