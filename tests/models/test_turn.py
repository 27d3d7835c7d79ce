"""Turns: so many at once, over all processes."""

from datetime import timedelta

import time_machine

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.turn import Turn


def test_a_turn_that_was_never_given_back_is_free_after_a_while(alice):
    taken = [Turn.take(db.session, 1, 60, "x") for _ in range(2)]
    with time_machine.travel(utcnow() + timedelta(seconds=61)):
        again = Turn.take(db.session, 1, 60, "x")
        taken[0].give_back(db.session)
        still = Turn.take(db.session, 1, 60, "x")

    assert [each is None for each in (*taken, again, still)] == [False, True, False, True]
