"""Odd bodies: never a 5xx, always problem+json."""

import json

import pytest

from tests.factories import make_key
from tests.helpers import assert_problem

GOOD = {"name": "X", "url": "https://example.com"}
MALFORMED = {
    "empty": b"",
    "not json": b"{",
    "an array": b"[]",
    "null": b"null",
    "a string": b'"x"',
    "a number": b"1",
    "utf-16": json.dumps(GOOD).encode("utf-16"),
    "latin-1": b'{"name": "\xe4", "url": "https://example.com"}',
    "nan": b'{"name": "X", "url": "https://example.com", "timeout_seconds": NaN}',
    "infinity": b'{"name": "X", "url": "https://example.com", "timeout_seconds": Infinity}',
    "duplicate": b'{"name": "X", "name": "Y", "url": "https://example.com"}',
    "nested duplicate": b'{"name": "X", "url": "https://example.com", "headers": {"A": "1", "A": "2"}}',
    "too deep": b'{"headers": ' + b"[" * 40 + b"]" * 40 + b"}",
    "far too deep": b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a lone surrogate": b'{"name": "\\ud800", "url": "https://example.com"}',
    "trailing": b'{"name": "X", "url": "https://example.com"} x',
    "bom": b"\xef\xbb\xbf{}",
}
WRONG = [
    {"name": 1},
    {"name": ["x"]},
    {"name": None},
    {"name": "a\x00b"},
    {"name": "x" * 101},
    {"url": 7},
    {"url": {}},
    {"interval_seconds": "60"},
    {"interval_seconds": True},
    {"interval_seconds": 10**30},
    {"interval_seconds": -60},
    {"timeout_seconds": 1.5},
    {"expected_status": 99},
    {"project_id": 10**30},
    {"project_id": -1},
    {"project_id": 123456789},
    {"verify_tls": "yes"},
    {"headers": []},
    {"headers": {"Host": "x"}},
    {"headers": {"A": "b\r\nC: d"}},
    {"headers": {f"X-{n}": "x" for n in range(21)}},
    {"headers": {"X": "y" * 5000}},
    {"headers": {"X": None}},
    {"body": "x", "method": "GET"},
    {"body": "x" * 70_000, "method": "POST"},
    {"auth": {"type": "digest"}},
    {"auth": {"type": "basic", "username": "a:b", "password": "x"}},
    {"auth": {"type": "bearer", "token": "a b"}},
    {"auth": "basic"},
    {"external_id": "a b"},
    {"id": 7},
    {"team_id": 7},
    {"state": "up"},
]


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_json_object_is_malformed(api, token, body):
    reply = api.post("/monitors", token, data=body, content_type="application/json")

    assert_problem(reply, 400, "malformed_request")


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_a_field_that_breaks_its_rule_is_named(api, token, wrong):
    problem = assert_problem(api.post("/monitors", token, json=GOOD | wrong), 422, "validation_failed")

    assert {each["field"].split(".")[0] for each in problem["errors"]} <= set(wrong)


def test_a_whole_number_may_be_written_as_a_float(api, token):
    assert api.post("/monitors", token, json=GOOD | {"timeout_seconds": 5.0}).get_json()["timeout_seconds"] == 5


def test_a_huge_body_is_refused(api, token):
    reply = api.post("/monitors", token, data=b'{"name": "' + b"x" * 300_000 + b'"}', content_type="application/json")

    assert_problem(reply, 413, "body_too_large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/xml"]
)
def test_another_media_type_is_refused(api, token, kind):
    reply = api.post("/monitors", token, data=json.dumps(GOOD), content_type=kind)

    assert_problem(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "9" * 19, "9" * 4000, "٣", "1e3", "0x1", "%31%00", "abc", "1%20"])
def test_an_odd_id_is_not_found(api, token, number):
    for path in (f"/monitors/{number}", f"/monitors/{number}/checks", f"/incidents/{number}"):
        assert_problem(api.get(path, token), 404, "not_found")
