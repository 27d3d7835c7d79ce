"""Many probes at once: the slow ones hold up nobody."""

from time import monotonic, sleep

from pulse.probe import Outcome, ProbeError, Prober, Request
from pulse.probe.resolver import MOST_THREADS, Addresses, Resolver
from tests.targets import dripping, hanging, redirecting, replying, serve
from tests.test_probe import GUARD, at_loopback


def finish(prober: Prober[str]) -> dict[str, tuple[float, Outcome]]:
    """Drive `prober` until all is done; when each ended, in seconds from now, and how."""
    began = monotonic()
    ended: dict[str, tuple[float, Outcome]] = {}
    while prober.in_flight:
        for key, outcome in prober.poll(1.0):
            assert key not in ended
            ended[key] = (monotonic() - began, outcome)
    return ended


def test_two_hundred_hanging_targets_do_not_delay_fifty_healthy_ones() -> None:
    with (
        serve(hanging()) as silent,
        serve(dripping(every=0.2)) as slow,
        serve(replying()) as healthy,
        Prober[str](GUARD) as prober,
    ):
        for number in range(100):
            prober.start(f"silent {number}", Request(silent.url, timeout=1.5))
            prober.start(f"slow {number}", Request(slow.url, timeout=1.5))
        prober.poll(0.1)
        for number in range(50):
            prober.start(f"healthy {number}", Request(healthy.url))
        ended = finish(prober)

    assert len(ended) == 250
    for key, (seconds, outcome) in ended.items():
        assert outcome.error is (None if key.startswith("healthy") else ProbeError.TIMEOUT), key
        assert seconds < (1.0 if key.startswith("healthy") else 2.5), key


def test_two_hundred_silent_name_servers_do_not_delay_healthy_names() -> None:
    def lookup(host: str) -> Addresses:
        if host.startswith("silent"):
            sleep(1.5)
        return ("127.0.0.1",)

    with serve(replying()) as healthy, Prober[str](GUARD, lookup=lookup) as prober:
        for number in range(200):
            prober.start(f"silent {number}", Request(f"http://silent-{number}.example/", timeout=0.8))
        for number in range(20):
            prober.start(f"healthy {number}", Request(healthy.url_for(f"healthy-{number}.example")))
        ended = finish(prober)

    for key, (seconds, outcome) in ended.items():
        assert outcome.error is (None if key.startswith("healthy") else ProbeError.TIMEOUT), key
        assert seconds < (0.7 if key.startswith("healthy") else 1.8), key


def test_a_name_is_looked_up_once_for_all_who_wait_for_it_and_anew_later() -> None:
    asked: list[str] = []

    def lookup(host: str) -> Addresses:
        asked.append(host)
        return at_loopback(host)

    with serve(replying()) as target, Prober[str](GUARD, lookup=lookup) as prober:
        for number in range(10):
            prober.start(str(number), Request(target.url_for("shared.example")))
        finish(prober)
        sleep(2.1)
        prober.start("later", Request(target.url_for("shared.example")))
        finish(prober)

    assert asked == ["shared.example"] * 2


def test_a_name_whose_addresses_change_is_judged_and_connected_to_anew() -> None:
    answers = iter([("127.0.0.1",), ("127.0.0.2",)])
    with (
        serve(replying()) as target,
        serve(replying(), host="127.0.0.2") as canary,
        Prober[str](GUARD, lookup=lambda _: next(answers)) as prober,
    ):
        prober.start("first", Request(target.url_for("rebinding.example")))
        first = finish(prober)["first"][1]
        sleep(2.1)
        prober.start("second", Request(canary.url_for("rebinding.example")))
        second = finish(prober)["second"][1]

    assert first.up
    assert second.error is ProbeError.FORBIDDEN_ADDRESS
    assert canary.hits == 0


def test_a_redirect_goes_on_under_the_first_deadline() -> None:
    with serve(hanging()) as end, Prober[str](GUARD) as prober:
        with serve(redirecting(end.url)) as begin:
            prober.start("chain", Request(begin.url, timeout=0.5))
            seconds, outcome = finish(prober)["chain"]

    assert outcome.error is ProbeError.TIMEOUT
    assert seconds < 1.0


def test_no_monitor_sends_what_belongs_to_the_one_before_it() -> None:
    with serve(replying()) as target, Prober[str](GUARD) as prober:
        prober.start("first", Request(target.url, method="POST", headers={"X-Secret": "s"}, body=b"secret"))
        finish(prober)
        for method in ("HEAD", "GET", "DELETE", "PUT"):
            prober.start(method, Request(target.url, method=method))
            assert finish(prober)[method][1].up

    assert [each.method for each in target.requests] == ["POST", "HEAD", "GET", "DELETE", "PUT"]
    assert all("x-secret" not in each.headers and each.body == b"" for each in target.requests[1:])


def test_polling_without_work_waits_and_returns_nothing() -> None:
    with Prober[str](GUARD) as prober:
        began = monotonic()
        finished = prober.poll(0.2)

    assert finished == []
    assert 0.15 < monotonic() - began < 0.7


def test_a_prober_can_be_closed_with_work_in_hand() -> None:
    began = monotonic()
    with serve(hanging()) as target, Prober[str](GUARD, lookup=lambda _: sleep(2) or ("127.0.0.1",)) as prober:
        for number in range(5):
            prober.start(f"hanging {number}", Request(target.url))
            prober.start(f"unresolved {number}", Request(f"http://name-{number}.example/"))
        prober.poll(0.1)
        in_flight = prober.in_flight

    assert in_flight == 10
    assert monotonic() - began < 1.5


def test_lookups_share_a_bounded_number_of_threads() -> None:
    resolver = Resolver(lambda host: sleep(0.01) or (host,))
    answered: dict[str, Addresses] = {}
    for number in range(MOST_THREADS * 2):
        resolver.ask(str(number))
    deadline = monotonic() + 5
    while len(answered) < MOST_THREADS * 2 and monotonic() < deadline:
        answered.update(resolver.drain())
        sleep(0.005)
    threads = resolver.threads
    resolver.close()

    assert answered == {str(number): (str(number),) for number in range(MOST_THREADS * 2)}
    assert threads <= MOST_THREADS
