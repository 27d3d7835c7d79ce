"""What a monitor's headers and credentials may be."""

from typing import Any

import pytest

from pulse.probe import BasicAuth, BearerAuth, InvalidHeaders, Request, check_headers

URL = "http://example.com/"


def test_headers_are_kept_with_their_values_trimmed() -> None:
    assert check_headers({"X-A": "  one two\t", "x_b.c": "", "Accept": 'text/html; q="0.5"'}) == {
        "X-A": "one two",
        "x_b.c": "",
        "Accept": 'text/html; q="0.5"',
    }


@pytest.mark.parametrize("name", ["", " ", "X A", "X:A", "X\r\nY", "X\n", "Xé", "X\x00", "(x)", "@x", "x" * 257, ":authority"])
def test_a_header_name_that_would_break_the_request_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeaders):
        check_headers({name: "value"})


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "a\x7fb", "é", "\u2028", "\ud800", "x" * 4097])
def test_a_header_value_that_would_break_the_request_is_refused(value: str) -> None:
    with pytest.raises(InvalidHeaders):
        check_headers({"X-A": value})
    with pytest.raises(InvalidHeaders):
        Request(URL, headers={"X-A": value})


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "Proxy-Connection",
        "HTTP2-Settings",
        "User-Agent",
    ],
)
def test_a_header_of_the_connection_itself_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeaders, match=name):
        check_headers({name: "value"})


def test_at_most_twenty_headers_each_given_once() -> None:
    twenty = {f"X-{number}": "v" for number in range(20)}

    assert check_headers(twenty) == twenty
    with pytest.raises(InvalidHeaders, match="at most 20"):
        check_headers(twenty | {"X-20": "v"})
    with pytest.raises(InvalidHeaders, match="once"):
        check_headers({"X-A": "1", "x-a": "2"})


@pytest.mark.parametrize("text", ["a:b", "a\nb", "a\x00", "\ud800"])
def test_a_user_name_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(InvalidHeaders):
        BasicAuth(text, "password")


@pytest.mark.parametrize("text", ["a\r\nb", "\x7f", "\udfff"])
def test_a_password_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(InvalidHeaders):
        BasicAuth("alice", text)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "é", "x" * 4097])
def test_a_bearer_token_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(InvalidHeaders):
        BearerAuth(text)


def test_no_secret_is_in_the_text_of_a_request() -> None:
    request = Request(URL, method="POST", headers={"X-A": "s3cret"}, body=b"s3cret", auth=BasicAuth("alice", "s3cret"))

    assert "s3cret" not in f"{request!r} {request.auth!r} {BearerAuth('s3cret')!r}"


@pytest.mark.parametrize(
    "wrong", [{"method": "TRACE"}, {"method": "get"}, {"timeout": 0.0}, {"url": "ftp://x/"}, {"url": "http://bücher.example/"}]
)
def test_a_request_that_no_form_lets_through_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Request(**({"url": URL} | wrong))
