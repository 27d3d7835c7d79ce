"""Redirects: how far they are followed, and what goes along."""

import pytest

from pulse.probe import BasicAuth, ProbeError
from tests.targets import Behaviour, Received, Writer, redirecting, replying, serve
from tests.test_probe import ask


def leading(hops: int) -> Behaviour:
    """Redirect from /0 to /1 and so on, and reply at /hops."""

    async def behave(received: Received, writer: Writer) -> None:
        number = int(received.path.strip("/") or "0")
        reply = replying() if number >= hops else redirecting(f"/{number + 1}")
        await reply(received, writer)

    return behave


def test_five_redirects_are_followed_and_a_sixth_is_not() -> None:
    with serve(leading(5)) as near, serve(leading(6)) as far:
        followed = ask(near.url)
        given_up = ask(far.url)

    assert (followed.up, len(near.requests)) == (True, 6)
    assert (given_up.error, given_up.http_status_code, len(far.requests)) == (ProbeError.TOO_MANY_REDIRECTS, 302, 6)


@pytest.mark.parametrize("expected", [301, 302, 307, 399])
def test_redirects_are_not_followed_where_one_is_expected(expected: int) -> None:
    with serve(redirecting("/next", 302)) as target:
        outcome = ask(target.url, expected_status=expected)

    assert (outcome.up, outcome.http_status_code, len(target.requests)) == (expected == 302, 302, 1)


@pytest.mark.parametrize("status", [300, 304, 305, 306])
def test_what_is_no_redirect_to_follow_is_the_reply(status: int) -> None:
    with serve(replying(status, b"", {"Location": "/next"})) as target:
        outcome = ask(target.url)

    assert (outcome.error, outcome.http_status_code, len(target.requests)) == (ProbeError.UNEXPECTED_STATUS, status, 1)


def test_a_redirect_without_a_location_is_the_reply() -> None:
    with serve(replying(302)) as target:
        assert ask(target.url).error is ProbeError.UNEXPECTED_STATUS


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://a b/", "http://127.0.0.1:0/"])
def test_a_redirect_to_what_is_no_plain_web_address_is_an_invalid_response(location: str) -> None:
    with serve(redirecting(location)) as target:
        outcome = ask(target.url)

    assert (outcome.up, outcome.error, len(target.requests)) == (False, ProbeError.INVALID_RESPONSE, 1)


@pytest.mark.parametrize("spelling", ["127.0.0.2", "2130706434", "0x7f.2", "127.2", "[::ffff:127.0.0.2]", "127%2e0%2e0%2e2"])
def test_a_redirect_to_a_forbidden_address_reaches_nobody(spelling: str) -> None:
    with serve(replying(), host="127.0.0.2") as canary, serve(redirecting(canary.url_for(spelling))) as target:
        outcome = ask(target.url)

    assert (outcome.up, outcome.error, outcome.http_status_code) == (False, ProbeError.FORBIDDEN_ADDRESS, None)
    assert canary.hits == 0


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "PATCH", "PATCH"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
    ],
)
def test_the_method_changes_as_in_browsers_and_the_body_stays_with_it(status: int, method: str, then: str) -> None:
    with serve(leading_once(status)) as target:
        outcome = ask(target.url, method=method, body=b"body", headers={"X-Mine": "yes"})

    assert outcome.up
    second = target.requests[1]
    assert (second.method, second.headers["x-mine"]) == (then, "yes")
    assert second.body == (b"body" if then == method and method in ("POST", "PUT", "PATCH") else b"")


@pytest.mark.parametrize("status", [302, 307])
def test_headers_credentials_and_body_stay_with_their_origin(status: int) -> None:
    with serve(replying()) as other, serve(redirecting(other.url, status)) as target:
        outcome = ask(target.url, method="PUT", body=b"secret", headers={"X-Secret": "s"}, auth=BasicAuth("alice", "secret"))

    assert outcome.up
    assert target.requests[0].headers["x-secret"] == "s"
    assert other.requests[0].body == b""
    assert not {"x-secret", "authorization"} & other.requests[0].headers.keys()


def test_credentials_in_a_redirect_are_not_sent() -> None:
    with serve(replying()) as target:
        target.behaviour = leading_once(302, target.url_for("eve:secret@127.0.0.1") + "done")
        ask(target.url)

    assert "authorization" not in target.requests[-1].headers


def test_another_name_of_the_same_server_is_another_origin() -> None:
    with serve(replying()) as target:
        target.behaviour = leading_once(302, target.url_for("other.example") + "done")
        ask(target.url_for("first.example"), headers={"X-Secret": "s"})

    assert [("x-secret" in each.headers) for each in target.requests] == [True, False]


def test_what_was_dropped_does_not_come_back_with_the_first_origin() -> None:
    with serve(replying()) as target, serve(replying()) as other:
        target.behaviour = leading_once(307, other.url)
        other.behaviour = redirecting(target.url + "done", 307)
        outcome = ask(target.url, headers={"X-Secret": "s"}, auth=BasicAuth("alice", "secret"))

    assert outcome.up
    assert [("x-secret" in each.headers, "authorization" in each.headers) for each in target.requests] == [
        (True, True),
        (False, False),
    ]


def test_a_redirect_may_lead_to_a_name_in_any_script() -> None:
    with serve(replying()) as target:
        target.behaviour = leading_once(302, target.url_for("b\xc3\xbccher.example") + "done")
        outcome = ask(target.url)

    assert outcome.up
    assert target.requests[1].headers["host"] == f"xn--bcher-kva.example:{target.port}"


def leading_once(status: int, location: str = "/done") -> Behaviour:
    """Redirect, but reply at /done."""

    async def behave(received: Received, writer: Writer) -> None:
        await (replying() if received.path == "/done" else redirecting(location, status))(received, writer)

    return behave
