"""What another plan would do to a team is told as it then happens."""

import pytest

from pulse.extensions import db
from pulse.models.channel import Channel
from pulse.models.event import OPERATOR
from pulse.models.monitor import Monitor
from pulse.models.plan_change import PlanChange
from pulse.models.refusals import Conflict
from pulse.plans import Plan
from pulse.roles import Role
from tests.alerts import make_channel
from tests.factories import join, make_key, make_person
from tests.monitors import make_monitor


def told(person, plan):
    return PlanChange.of(db.session, person.team, plan)


@pytest.fixture
def crowded(app, alice, bob):
    """Alice's team, with more of everything than smaller plans include."""
    alice.set_plan(Plan.TEAM)
    for number in range(30):
        monitor = make_monitor(alice, name=f"Site {number}", interval_seconds=(5, 60, 300)[number % 3])
        if number % 7 == 0:
            monitor.pause(db.session, OPERATOR)
    for role in (Role.VIEWER, Role.MEMBER, Role.ADMIN):
        join(make_person(app, f"A {role.label}", f"{role.value}@example.com"), alice.team, role)
    make_channel(alice, name="Hook", type="webhook", target="https://hooks.example.com/x")
    make_channel(alice, name="Mail")
    make_channel(alice, name="Off", type="webhook", target="https://hooks.example.com/y").channel.active = False
    make_key(alice)
    make_key(bob, team_id=alice.team_id)
    db.session.commit()
    return alice


def state(person):
    """Return what a plan can take away: who runs how often, who writes, which channels speak."""
    monitors = db.session.scalars(Monitor.of(person.team_id)).all()
    writing = [each.user.name for each in person.team.memberships if each.effective_role(db.session).writes]
    channels = db.session.scalars(Channel.of(person.team_id)).all()
    return (
        {each.name for each in monitors if each.paused_at is None},
        {each.name: each.interval_seconds for each in monitors},
        set(writing),
        {each.name for each in channels if each.active and each.is_included(person.team.plan)},
    )


@pytest.mark.parametrize("plan", Plan)
def test_what_is_told_is_what_happens(crowded, plan):
    change = told(crowded, plan)
    before = state(crowded)

    crowded.set_plan(plan)

    after = state(crowded)
    assert set(change.paused) == before[0] - after[0]
    assert dict(change.slowed) == {name: seconds for name, seconds in before[1].items() if after[1][name] != seconds}
    assert set(change.reading) == before[2] - after[2]
    assert set(change.silent) == before[3] - after[3]


def test_the_newest_monitors_are_told_first(crowded):
    change = told(crowded, Plan.FREE)

    assert change.paused[:3] == ["Site 29", "Site 27", "Site 26"]


def test_who_reads_already_is_not_told_to_read_only(crowded):
    change = told(crowded, Plan.FREE)

    assert change.reading == ["Bob", "A Member", "A Admin"]


@pytest.mark.parametrize(("plan", "ends", "slows"), [(Plan.FREE, True, False), (Plan.STARTER, False, True)])
def test_what_becomes_of_the_api_is_told_for_all_keys_of_the_team(crowded, plan, ends, slows):
    change = told(crowded, plan)

    assert (change.keys, change.ends_api, change.slows_api, change.forgets) == (2, ends, slows, True)


@pytest.mark.parametrize("plan", [Plan.PROFESSIONAL, Plan.TEAM])
def test_a_plan_that_is_not_smaller_takes_nothing(alice, bob, plan):
    make_monitor(alice)
    make_key(alice)

    change = told(alice, plan)

    assert (change.paused, change.slowed, change.reading, change.silent) == ([], [], [], [])
    assert (change.ends_api, change.slows_api, change.forgets) == (False, False, False)


def test_plans_are_ordered_by_what_they_include():
    sizes = [Plan.FREE, Plan.STARTER, Plan.PROFESSIONAL, Plan.TEAM]

    assert [[each.is_smaller_than(other) for other in sizes] for each in sizes] == [
        [False, True, True, True],
        [False, False, True, True],
        [False, False, False, True],
        [False] * 4,
    ]


def test_a_plan_chosen_in_place_of_another_than_the_one_in_force_is_refused(alice):
    with pytest.raises(Conflict, match="is on the Professional plan by now"):
        alice.team.choose_plan(db.session, Plan.FREE, alice.actor, replacing="team")

    assert alice.team.plan is Plan.PROFESSIONAL


def test_choosing_the_plan_in_force_is_harmless(alice):
    alice.team.choose_plan(db.session, Plan.PROFESSIONAL, alice.actor, replacing="free")

    assert alice.team.plan is Plan.PROFESSIONAL
