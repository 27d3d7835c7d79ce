"""The bench runs, and its requests and checks are answered as they should be; how fast is for no test to judge."""

import pytest

from tests.bench.__main__ import Extent, facts, names, report
from tests.bench.filling import KEYS

SMALL = Extent(sizes=(KEYS, 2 * KEYS), rounds=1, requests=4, turns=1, seconds=0.2, checks=3)


@pytest.fixture(scope="module")
def told(settings, folder) -> str:
    """What a run with next to nothing tells."""
    return report([settings], folder, SMALL, lambda _: None)


def titles(told: str) -> list[str]:
    return told.partition("\n")[0].split(" | ")[1:-1]


@pytest.mark.parametrize("name", names())
def test_the_bench_tells_every_kind_of_request(told, name):
    assert f"\n| {name} |" in told


def test_the_bench_tells_what_is_served_over_http(told):
    rows = told.partition("| served over HTTP |")[2].partition("\n\n")[0].splitlines()[2:]

    assert [row.split(" | ")[0] for row in rows] == ["| bare view", *(f"| {each}" for each in titles(told))]
    assert all(float(figure) > 0 for row in rows for figure in row.replace(",", "").replace(" µs", "").split(" | ")[1:3])


def test_the_bench_tells_of_the_checker(told):
    assert "\n| plain HTTP: checker on " in told
    assert "\n| HTTPS, verified: checker on " in told


@pytest.mark.parametrize(("name", "count"), [("describe the key", 1), ("list 5 monitors", 2), ("mistyped token", 0)])
def test_the_statements_of_a_request_are_exact(told, name, count):
    (line,) = (line for line in told.splitlines() if line.startswith(f"| {name} |"))

    assert line.endswith(f" | {count} |")


def test_the_bench_tells_what_it_ran_on(settings):
    assert "Python 3." in facts([settings])
