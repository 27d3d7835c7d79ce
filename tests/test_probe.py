"""One probe against real servers: what counts as up, and the word for everything else."""

import resource
import socket
from ipaddress import ip_network
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from pulse.addresses import AddressGuard
from pulse.probe import USER_AGENT, BasicAuth, BearerAuth, Outcome, ProbeError, Request, probe
from pulse.probe.resolver import Addresses
from pulse.probe.transfer import LARGEST_BODY
from tests.targets import (
    Behaviour,
    bomb,
    dripping,
    early_close,
    flooding,
    hanging,
    replying,
    resetting,
    saying,
    serve,
)

# One loopback address is open and the next is not: so a canary can stand on a forbidden network.
GUARD = AddressGuard([ip_network("127.0.0.1/32")])


def at_loopback(host: str) -> Addresses:
    """The name servers of these tests: every name is this machine's."""
    assert host
    return ("127.0.0.1",)


def nowhere(host: str) -> Addresses:
    raise socket.gaierror(f"no {host}")


def ask(url: str, **wanted: Any) -> Outcome:
    return probe(Request(url, **({"timeout": 5.0} | wanted)), GUARD, lookup=at_loopback)


@pytest.mark.parametrize("status", [200, 204, 301, 404, 500, 599])
def test_the_expected_code_is_up_and_any_other_is_not(status: int) -> None:
    with serve(replying(status)) as target:
        expected = ask(target.url, expected_status=status)
        unexpected = ask(target.url, expected_status=418)

    assert (expected.up, expected.http_status_code, expected.error) == (True, status, None)
    assert (unexpected.up, unexpected.http_status_code, unexpected.error) == (False, status, ProbeError.UNEXPECTED_STATUS)
    assert expected.response_time_ms is not None
    assert unexpected.response_time_ms is not None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_every_method_is_sent_with_a_body_only_where_one_belongs(method: str) -> None:
    with serve(replying()) as target:
        outcome = ask(
            target.url + "path?q=1", method=method, body=b'{"a": "\xc3\xa9"}', headers={"Content-Type": "application/json"}
        )

    assert outcome.up
    received = target.requests[0]
    assert (received.method, received.path) == (method, "/path?q=1")
    assert received.body == (b'{"a": "\xc3\xa9"}' if method in ("POST", "PUT", "PATCH") else b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_missing_body_is_an_empty_one_and_no_type_is_made_up(method: str) -> None:
    with serve(replying()) as target:
        ask(target.url, method=method)

    assert target.requests[0].headers["content-length"] == "0"
    assert "content-type" not in target.requests[0].headers


def test_a_large_body_is_sent_without_waiting_to_be_asked_for_it() -> None:
    with serve(replying()) as target:
        outcome = ask(target.url, method="POST", body=b"x" * 2_000_000, timeout=10.0)

    assert outcome.up
    assert "expect" not in target.requests[0].headers
    assert len(target.requests[0].body) == 2_000_000


def test_a_request_carries_a_fixed_user_agent_and_only_what_the_monitor_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password from-netrc\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with serve(replying(headers={"Set-Cookie": "a=b"})) as target, serve(replying()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        ask(target.url, headers={"X-Mine": "yes", "X-Empty": ""})
        ask(target.url, headers={"X-Mine": "yes", "X-Empty": ""})

    assert proxy.hits == 0
    for received in target.requests:
        assert dict(received.headers) == {
            "host": f"127.0.0.1:{target.port}",
            "user-agent": USER_AGENT,
            "accept": "*/*",
            "accept-encoding": "identity",
            "x-mine": "yes",
            "x-empty": "",
        }


@pytest.mark.parametrize(
    ("auth", "sent"),
    [(BasicAuth("alice", "sécret"), "Basic YWxpY2U6c8OpY3JldA=="), (BearerAuth("t0ken"), "Bearer t0ken")],
)
def test_credentials_are_sent_and_win_over_a_header_of_the_monitor(auth: BasicAuth | BearerAuth, sent: str) -> None:
    with serve(replying()) as target:
        ask(target.url, auth=auth, headers={"authorization": "Other"})

    assert target.requests[0].headers["authorization"] == sent


BROKEN: dict[str, tuple[Behaviour, ProbeError]] = {
    "a body that ends early": (early_close(), ProbeError.INVALID_RESPONSE),
    "a body that is reset": (resetting(), ProbeError.INVALID_RESPONSE),
    "no reply at all": (saying(b""), ProbeError.INVALID_RESPONSE),
    "another protocol": (saying(b"220 mail ESMTP\r\n"), ProbeError.INVALID_RESPONSE),
    "noise": (saying(b"\x00\xff" * 500), ProbeError.INVALID_RESPONSE),
    "a broken chunk": (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ProbeError.INVALID_RESPONSE),
    "chunks that end early": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ProbeError.INVALID_RESPONSE,
    ),
    "a broken length": (saying(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), ProbeError.INVALID_RESPONSE),
    "one long header": (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000), ProbeError.INVALID_RESPONSE),
    "headers without end": (
        saying(b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 1000),
        ProbeError.INVALID_RESPONSE,
    ),
    "a broken gzip": (replying(200, b"not gzip", {"Content-Encoding": "gzip"}), ProbeError.INVALID_RESPONSE),
    "nested encodings": (bomb(1, "gzip, gzip, gzip, gzip, gzip, gzip, gzip"), ProbeError.INVALID_RESPONSE),
    "a body without end": (flooding(), ProbeError.RESPONSE_TOO_LARGE),
    "a gzip bomb": (bomb(64), ProbeError.RESPONSE_TOO_LARGE),
    "a byte more than 1 MiB": (replying(200, b"x" * (LARGEST_BODY + 1)), ProbeError.RESPONSE_TOO_LARGE),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_reply_that_is_broken_or_too_large_is_down_with_its_word(kind: str) -> None:
    behaviour, error = BROKEN[kind]
    with serve(behaviour) as target:
        outcome = ask(target.url)

    assert (outcome.up, outcome.error, outcome.response_time_ms) == (False, error, None)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "identity"}])
def test_a_body_of_exactly_one_mebibyte_is_up(headers: dict[str, str]) -> None:
    with serve(replying(200, b"x" * LARGEST_BODY, headers)) as target:
        assert ask(target.url).up


def test_an_encoded_body_that_stays_small_is_up_though_nobody_asked_for_it() -> None:
    with serve(bomb(1)) as target:
        assert ask(target.url).up


def test_a_bomb_costs_no_memory() -> None:
    with serve(bomb(64)) as target:
        ask(target.url)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(5):
            ask(target.url)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert after - before < 20 * 1024


SLOW: dict[str, Behaviour] = {
    "hangs": hanging(),
    "drips its body": dripping(),
    "drips its headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "drips chunks": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "announces a reply for ever": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("kind", SLOW)
def test_the_deadline_covers_everything_a_slow_target_does(kind: str) -> None:
    began = monotonic()
    with serve(SLOW[kind]) as target:
        outcome = ask(target.url, timeout=0.4)

    assert (outcome.up, outcome.error, outcome.response_time_ms) == (False, ProbeError.TIMEOUT, None)
    assert 0.35 < monotonic() - began < 1.4


def test_the_deadline_covers_name_servers_that_do_not_answer() -> None:
    began = monotonic()

    outcome = probe(Request("http://silent.example/", timeout=0.3), GUARD, lookup=lambda _: sleep(3) or ("127.0.0.1",))

    assert outcome.error is ProbeError.TIMEOUT
    assert monotonic() - began < 1.3


def test_a_name_that_does_not_exist_is_dns_failed() -> None:
    assert probe(Request("http://nowhere.example/"), GUARD, lookup=nowhere).error is ProbeError.DNS_FAILED


def test_the_systems_own_resolver_finds_this_machine() -> None:
    with serve(replying()) as target:
        assert probe(Request(target.url_for("localhost"), timeout=5.0), AddressGuard([ip_network("127.0.0.0/8")])).up


def test_a_closed_port_is_connection_refused() -> None:
    with serve(replying()) as target:
        pass

    outcome = ask(target.url)

    assert (outcome.error, outcome.http_status_code, outcome.response_time_ms) == (ProbeError.CONNECTION_REFUSED, None, None)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.2",
        "2130706434",
        "0x7f.2",
        "0177.0.0.2",
        "127.2",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.2]",
        "[fe80::1]",
        "10.0.0.1",
    ],
)
def test_a_forbidden_address_is_never_connected_to_however_it_is_spelt(host: str) -> None:
    with serve(replying(), host="127.0.0.2") as canary:
        outcome = probe(Request(canary.url_for(host), timeout=2.0), GUARD)

    assert (outcome.up, outcome.error, outcome.response_time_ms) == (False, ProbeError.FORBIDDEN_ADDRESS, None)
    assert canary.hits == 0


def test_a_name_that_leads_to_a_forbidden_address_is_refused_on_every_port_alike() -> None:
    with serve(replying(), host="127.0.0.2") as canary:
        is_open = probe(Request(canary.url_for("inside.example")), GUARD, lookup=lambda _: ("127.0.0.2", "::1", "10.0.0.1"))
        is_closed = probe(Request("http://inside.example:9/"), GUARD, lookup=lambda _: ("127.0.0.2",))

    assert is_open.error is is_closed.error is ProbeError.FORBIDDEN_ADDRESS
    assert canary.hits == 0


def test_the_permitted_one_of_several_addresses_is_used() -> None:
    with serve(replying()) as target:
        outcome = probe(Request(target.url_for("both.example")), GUARD, lookup=lambda _: ("127.0.0.2", "::1", "127.0.0.1"))

    assert outcome.up
    assert target.requests[0].headers["host"] == f"both.example:{target.port}"


def test_the_phases_of_a_probe_are_timed() -> None:
    with serve(replying()) as target:
        timings = probe(Request(target.url_for("timed.example")), GUARD, lookup=lambda _: sleep(0.05) or ("127.0.0.1",)).timings

    assert timings.dns >= 50_000
    assert timings.connect > 0
    assert timings.tls == 0
    assert timings.first_byte > 0
    assert timings.total >= timings.dns + timings.connect + timings.first_byte
