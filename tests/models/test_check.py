"""Checks: recorded once, dropped when they come too late, kept as long as the plan says."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.check import Check
from pulse.models.claim import LEASE, claim, next_due, realign, release, renew, skip
from pulse.models.monitor import Monitor
from pulse.models.recording import Result, record
from pulse.plans import Plan
from tests.monitors import BAD, GOOD, assert_next_slot, change, check, claimed, make_due, make_monitor, scheduled

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Check)) or 0


def test_a_due_monitor_is_claimed_by_one_alone(alice):
    monitor = make_monitor(alice)

    first = claim(db.session, 10, utcnow())
    second = claim(db.session, 10, utcnow())

    assert [each.monitor_id for each in first] == [monitor.id]
    assert first[0].slot == monitor.created_at
    assert second == []


def test_claims_are_made_oldest_first_and_no_more_than_asked_for(alice):
    late, later, latest = (make_monitor(alice, name=name) for name in ("A", "B", "C"))
    for age, monitor in ((3, late), (2, later), (1, latest)):
        make_due(monitor, at=utcnow() - timedelta(seconds=age))

    claims = claim(db.session, 2, utcnow())

    assert [each.monitor_id for each in claims] == [late.id, later.id]
    assert next_due(db.session) == latest.next_check_at


def test_what_is_not_due_or_paused_is_not_claimed(alice):
    soon, paused = make_monitor(alice), make_monitor(alice)
    make_due(soon, at=utcnow() + timedelta(seconds=30))
    paused.pause(db.session, alice.actor)

    assert claim(db.session, 10, utcnow()) == []
    assert [each.monitor_id for each in claim(db.session, 10, utcnow() + timedelta(seconds=31))] == [soon.id]


def test_a_claim_nobody_answers_is_taken_up_again_for_the_same_slot(alice):
    monitor = make_monitor(alice)
    lost = claimed(monitor)
    with time_machine.travel(utcnow() + timedelta(minutes=2), tick=False):
        again = claim(db.session, 10, utcnow())[0]

        ids = record(db.session, [scheduled(lost, BAD), scheduled(again, GOOD)])

    assert (again.slot, again.fence) == (lost.slot, lost.fence + 1)
    assert ids[0] is None
    assert db.session.get_one(Check, ids[1]).up


def test_a_result_is_recorded_with_its_slot(alice):
    monitor = make_monitor(alice)
    mine = claimed(monitor)

    (check_id,) = record(db.session, [scheduled(mine, BAD)])
    db.session.commit()

    made = db.session.get_one(Check, check_id)
    assert (made.type, made.slot, made.status) == ("scheduled", mine.slot, "down")
    assert (made.http_status_code, made.response_time_ms, made.error) == (503, 9, "unexpected_status")
    assert (monitor.last_check_id, monitor.failures, monitor.lease_until) == (check_id, 1, None)


def test_a_slot_has_one_result_however_often_it_is_told(alice):
    monitor = make_monitor(alice)
    mine = scheduled(claimed(monitor), BAD)

    told = [record(db.session, [mine]), record(db.session, [mine]), record(db.session, [mine, mine])]
    db.session.commit()

    assert told[1:] == [[None], [None, None]]
    assert (count(), monitor.failures) == (1, 1)


def test_the_database_holds_a_slot_to_one_result(alice):
    monitor = make_monitor(alice)
    values = {"monitor_id": monitor.id, "type": "scheduled", "slot": NOON, "checked_at": NOON, "up": True}
    db.session.add(Check(**values))
    db.session.commit()

    db.session.add(Check(**values))

    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_the_next_slot_is_on_the_grid_and_the_missed_ones_are_not_made_up_for(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice)
        (mine,) = claim(db.session, 10, utcnow())
        clock.shift(timedelta(minutes=5, seconds=3))
        record(db.session, [scheduled(mine)])
        db.session.commit()

    assert_next_slot(monitor, NOON + timedelta(minutes=5, seconds=3))


@pytest.mark.parametrize("act", ["pause", "pause and resume", "delete", "change"])
def test_a_result_that_comes_too_late_is_dropped(alice, act):
    monitor = make_monitor(alice)
    mine = claimed(monitor)
    match act:
        case "pause":
            monitor.pause(db.session, alice.actor)
        case "pause and resume":
            monitor.pause(db.session, alice.actor)
            monitor.resume(db.session, alice.actor)
        case "delete":
            monitor.delete(db.session, alice.actor)
        case _:
            change(monitor, alice, url="https://other.example.com")

    assert record(db.session, [scheduled(mine)]) == [None]
    assert count() == 0


def test_a_manual_check_works_on_a_paused_monitor_and_leaves_the_schedule_alone(alice):
    running, paused = make_monitor(alice), make_monitor(alice)
    mine = claimed(running)
    paused.pause(db.session, alice.actor)
    due = running.next_check_at

    ids = record(db.session, [Result(running.id, BAD, utcnow()), Result(paused.id, GOOD, utcnow())])
    db.session.commit()

    assert None not in ids
    assert (running.next_check_at, running.failures, running.fence) == (due, 1, mine.fence)
    assert (paused.state, paused.next_check_at, paused.last_check.status) == ("paused", None, "up")


def test_a_manual_check_of_a_deleted_monitor_is_dropped(alice):
    assert record(db.session, [Result(10**9, GOOD, utcnow())]) == [None]


def test_results_of_one_monitor_in_one_batch_count_in_order(alice):
    monitor = make_monitor(alice)
    now = utcnow()

    ids = record(db.session, [Result(monitor.id, outcome, now) for outcome in (BAD, GOOD, BAD, BAD)])
    db.session.commit()

    assert ids == sorted(ids)
    assert (monitor.failures, monitor.successes, count()) == (2, 0, 4)


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(alice, statements):
    monitors = [make_monitor(alice, name=f"M{number}") for number in range(30)]
    results = [Result(each.id, GOOD, utcnow()) for each in monitors]

    with statements() as few:
        record(db.session, results[:2])
    with statements() as many:
        record(db.session, results[2:])

    assert len(many) == len(few) <= 7


def test_a_claim_given_back_is_due_at_once(alice):
    monitor = make_monitor(alice)
    mine = claimed(monitor)

    release(db.session, [mine])

    assert [each.slot for each in claim(db.session, 10, utcnow())] == [mine.slot]


def test_a_claim_is_held_as_long_as_it_is_renewed(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        mine = claimed(make_monitor(alice))
        for _ in range(3):
            clock.shift(LEASE - timedelta(seconds=1))
            renew(db.session, [mine])
            assert claim(db.session, 10, utcnow()) == []
        clock.shift(LEASE)

        (taken,) = claim(db.session, 10, utcnow())

        clock.shift(LEASE)
        renew(db.session, [mine])
        assert [each.fence for each in claim(db.session, 10, utcnow())] == [taken.fence + 1]


def test_a_slot_that_is_skipped_leaves_no_check(alice):
    monitor = make_monitor(alice)

    mine = claimed(monitor)
    skip(db.session, [mine])
    db.session.commit()

    assert count() == 0
    assert (monitor.next_check_at or mine.slot) > mine.slot
    assert monitor.lease_until is None


def test_a_clock_set_back_a_day_silences_nothing(alice):
    with time_machine.travel(NOON, tick=False) as clock:
        monitor = make_monitor(alice)
        clock.shift(timedelta(days=1))
        (mine,) = claim(db.session, 10, utcnow())
        record(db.session, [scheduled(mine)])
        clock.shift(timedelta(days=-1, seconds=10))

        moved = realign(db.session)
        claims = claim(db.session, 10, utcnow())
        ids = record(db.session, [scheduled(each) for each in claims])

    assert moved == 1
    assert ids != [None]
    assert len(claims) == 1
    after = db.session.get_one(Monitor, monitor.id, populate_existing=True)
    assert_next_slot(after, NOON + timedelta(seconds=10))


def test_monitors_made_at_one_moment_are_spread_over_half_an_interval(alice):
    alice.set_plan(Plan.TEAM)
    with time_machine.travel(NOON, tick=False):
        for number in range(100):
            make_monitor(alice, name=f"M{number}")
        record(db.session, [scheduled(each) for each in claim(db.session, 100, utcnow())])

    due = sorted((each - NOON).total_seconds() for each in db.session.scalars(select(Monitor.next_check_at)) if each)
    assert 30 <= due[0] < 31
    assert 59 < due[-1] <= 60
    assert max(later - earlier for earlier, later in itertools.pairwise(due)) < 1


def test_a_clock_that_runs_true_moves_nothing(alice):
    make_monitor(alice)
    make_due(make_monitor(alice, interval_seconds=3600), at=utcnow() + timedelta(hours=1))

    assert realign(db.session) == 0


def test_history_is_newest_first_and_filtered(alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, GOOD, at=NOON)
    record(db.session, [scheduled(claimed(monitor), BAD)])
    db.session.commit()

    def ids(**filters) -> list[int]:
        return [each.id for each in db.session.scalars(Check.of(monitor.id, **filters))]

    everything = ids()

    assert everything == sorted(everything, reverse=True)
    assert ids(status="down") == [everything[0], everything[2]]
    assert ids(type="scheduled") == [everything[0]]
    assert ids(until=NOON + timedelta(milliseconds=2)) == everything[2:]
    assert ids(since=NOON + timedelta(milliseconds=2)) == everything[:2]


def test_the_next_page_begins_after_the_last_check_of_this_one(alice):
    monitor = make_monitor(alice)
    check(monitor, *[GOOD] * 5, at=NOON)
    page = db.session.scalars(Check.of(monitor.id).limit(2)).all()
    check(monitor, GOOD)

    rest = db.session.scalars(Check.of(monitor.id).where(Check.before(page[-1].checked_at, page[-1].id))).all()

    assert [each.id for each in rest] == [page[-1].id - number for number in (1, 2, 3)]


def test_uptime_is_the_share_of_good_checks_in_each_span(alice):
    monitor = make_monitor(alice)
    now = utcnow()
    check(monitor, GOOD, GOOD, BAD, at=now - timedelta(hours=1))
    check(monitor, BAD, at=now - timedelta(days=2))
    check(monitor, GOOD, at=now - timedelta(days=10))
    check(monitor, BAD, at=now - timedelta(days=40))

    spans = Check.uptime(db.session, monitor.id)

    assert {name: (each.up, each.total) for name, each in spans.items()} == {"24h": (2, 3), "7d": (2, 4), "30d": (3, 5)}
    assert spans["30d"].percent == 60
    assert Check.uptime(db.session, make_monitor(alice).id)["24h"].percent is None


def test_checks_are_kept_as_long_as_the_plan_says(alice, charlie):
    charlie.set_plan(Plan.FREE)
    for person in (alice, charlie):
        monitor = make_monitor(person)
        for days in (1, 8, 89, 91):
            check(monitor, GOOD, at=utcnow() - timedelta(days=days))

    removed = Check.sweep(db.session)
    db.session.commit()

    kept = db.session.execute(
        select(Monitor.team_id, func.count()).join(Check, Check.monitor_id == Monitor.id).group_by(Monitor.team_id)
    )
    assert removed == 4
    assert dict(kept.all()) == {alice.team_id: 3, charlie.team_id: 1}
    assert Check.sweep(db.session) == 0


def test_a_stale_fence_moves_nothing(alice):
    monitor = make_monitor(alice)
    mine = claimed(monitor)
    db.session.execute(update(Monitor).values(fence=Monitor.fence + 1))
    db.session.commit()

    record(db.session, [scheduled(mine)])
    skip(db.session, [mine])
    release(db.session, [mine])
    db.session.commit()

    assert monitor.next_check_at == mine.slot
    assert monitor.lease_until is not None


def test_a_slow_check_does_not_overwrite_what_a_later_one_found(alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, at=NOON + timedelta(seconds=20))

    check(monitor, BAD, at=NOON)

    db.session.refresh(monitor)
    assert (monitor.state, monitor.failures, monitor.last_checked_at) == ("up", 0, NOON + timedelta(seconds=20))
    assert count() == 2


def test_a_check_from_a_clock_that_went_ahead_does_not_hold_the_state_for_ever(alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, at=utcnow() + timedelta(days=1))

    check(monitor, BAD)

    db.session.refresh(monitor)
    assert monitor.state == "down"
