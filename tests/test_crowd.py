"""Who may begin, and who waits for whom."""

from datetime import UTC, datetime
from itertools import count
from typing import cast

import pytest

from pulse.checker import crowd
from pulse.checker.crowd import Crowd, Guest
from pulse.models.claim import Claim
from pulse.models.monitor_request import Stored
from pulse.probe import Request

NUMBERS = count(1)
SLOT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(crowd, "MOST_TO_ONE_TARGET", 2)
    monkeypatch.setattr(crowd, "MOST_FOR_ONE_TEAM", 3)


def guest(target: str, team: int = 1, until: float = 10.0) -> Guest:
    claim = Claim(next(NUMBERS), SLOT, 1, team, cast("Stored", None))
    return Guest(claim, Request(f"http://{target}/{claim.monitor_id}"), until)


def entered(room: Crowd, *guests: Guest) -> list[bool]:
    return [room.enter(each) for each in guests]


def test_those_who_wait_for_a_target_begin_in_the_order_of_their_coming():
    room, guests = Crowd(), [guest("a", team) for team in range(5)]

    assert entered(room, *guests) == [True, True, False, False, False]
    assert list(room.leave(guests[1])) == [guests[2]]
    assert list(room.leave(guests[0])) == [guests[3]]
    assert list(room.leave(guests[2])) == [guests[4]]
    assert list(room.leave(guests[3])) == list(room.leave(guests[4])) == []


def test_a_target_is_a_host_and_a_port_whatever_the_path_and_the_user():
    room = Crowd()

    assert entered(room, guest("a"), guest("a:80", 2), guest("a", 3)) == [True, True, False]
    assert entered(room, guest("a:8080", 4), guest("b", 5)) == [True, True]


def test_a_crowded_team_keeps_no_other_team_waiting():
    room, mine = Crowd(), [guest(target) for target in "abcde"]

    assert entered(room, *mine) == [True, True, True, False, False]
    assert room.enter(guest("d", team=2))
    assert list(room.leave(mine[0])) == [mine[3]]


def test_one_that_finds_room_at_its_target_goes_on_to_wait_for_its_team():
    room = Crowd()
    others, mine = [guest("a", 2), guest("a", 3)], [guest(target) for target in "bcd"]
    late, after = guest("a"), guest("a", 4)
    entered(room, *others, late, after, *mine)

    assert list(room.leave(others[0])) == [after]
    assert list(room.leave(mine[0])) == []
    assert list(room.leave(others[1])) == [late]


def test_who_has_waited_for_too_long_is_let_go_and_needs_no_room():
    room, inside = Crowd(), [guest("a", 1), guest("a", 2)]
    waiting = [guest("a", 3, until=5.0), guest("a", 4, until=6.0)]
    entered(room, *inside, *waiting)

    assert list(room.late(5.5)) == waiting[:1]
    assert list(room.late(5.5)) == []
    assert list(room.leave(inside[0])) == waiting[1:]
    assert list(room.late(100.0)) == []
