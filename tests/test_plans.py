"""What a plan says of itself."""

import pytest

from pulse.plans import Plan


@pytest.mark.parametrize("plan", Plan)
def test_only_where_there_is_a_larger_plan_is_it_said_to_help(plan):
    assert plan.room("Delete one") == ("Delete one." if plan is Plan.TEAM else "Delete one, or choose a larger plan.")
