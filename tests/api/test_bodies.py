"""Odd bodies: never a 5xx, always problem+json."""

import json

import pytest

from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import make_monitor

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
    {"name": "x" * 70_000},
    {"external_id": "."},
    {"external_id": ".."},
    {"url": 7},
    {"url": {}},
    {"interval_seconds": "60"},
    {"interval_seconds": True},
    {"interval_seconds": 10**30},
    {"interval_seconds": -60},
    {"timeout_seconds": 1.5},
    {"expected_status": 199},
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

    named = {each["field"].split(".")[0] for each in problem["errors"]}
    assert named
    assert named <= set(wrong)
    assert not any("should" in each["message"] or "Input" in each["message"] for each in problem["errors"])


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


@pytest.mark.parametrize(
    ("charset", "status"), [("utf-8", 201), ('"UTF-8"', 201), ("utf8", 201), ("utf-16", 415), ("latin1", 415)]
)
def test_another_charset_than_utf_8_is_refused(api, token, charset, status):
    reply = api.post("/monitors", token, data=json.dumps(GOOD), content_type=f"application/json; charset={charset}")

    assert reply.status_code == status
    if status == 415:
        assert "UTF-8" in assert_problem(reply, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_too_many_digits_is_told_to_be_that(api, token, sign):
    data = f'{{"name": "X", "url": "https://example.com", "timeout_seconds": {sign}{"9" * 5000}}}'

    reply = api.post("/monitors", token, data=data, content_type="application/json")

    assert assert_problem(reply, 400, "malformed_request")["detail"] == "A number in the body has more than 4,300 digits."


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP", "identity, gzip"])
def test_a_coded_body_is_refused(api, token, alice, coding):
    path, headers = f"/monitors/{make_monitor(alice).id}/pause", {"Content-Encoding": coding}

    assert_problem(api.post("/monitors", token, json=GOOD, headers=headers), 415, "unsupported_media_type")
    assert_problem(api.post(path, token, data=b"{}", headers=headers), 415, "unsupported_media_type")
    assert api.post("/monitors", token, json=GOOD, headers={"Content-Encoding": "identity"}).status_code == 201


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({"type": "none", "token": "x"}, "auth"),
        ({"username": "x"}, "auth"),
        ({"type": "bearer", "token": "t", "username": "u"}, "auth"),
        ({"type": "basic", "username": "u", "password": "p", "token": "t"}, "auth"),
        ({"type": "digest"}, "auth.type"),
    ],
)
def test_a_credential_that_would_not_be_sent_is_refused(api, token, auth, field):
    problem = assert_problem(api.post("/monitors", token, json=GOOD | {"auth": auth}), 422, "validation_failed")

    assert [each["field"] for each in problem["errors"]] == [field]


def test_two_authorizations_are_refused(api, token):
    both = {"headers": {"authorization": "x"}, "auth": {"type": "bearer", "token": "t"}}

    problem = assert_problem(api.post("/monitors", token, json=GOOD | both), 422, "validation_failed")

    assert [each["field"] for each in problem["errors"]] == ["auth"]


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "9" * 19, "9" * 4000, "٣", "1e3", "0x1", "%31%00", "abc", "1%20"])
def test_an_odd_id_is_not_found(api, token, number):
    for path in (f"/monitors/{number}", f"/monitors/{number}/checks", f"/incidents/{number}"):
        assert_problem(api.get(path, token), 404, "not_found")


def test_every_fault_is_told_at_once_those_of_the_model_too(api, token):
    body = {"name": "", "body": "x", "method": "GET", "project_id": 999_999_999, "auth": {"type": "basic"}, "verify_tls": 1}

    problem = assert_problem(api.post("/monitors", token, json=GOOD | body), 422, "validation_failed")

    assert {each["field"] for each in problem["errors"]} == set(body) - {"method"}
    codes = {each["field"]: each["code"] for each in problem["errors"]}
    assert {codes[field] for field in ("name", "body", "project_id", "auth")} == {"invalid"}


def test_a_body_without_a_method_that_sends_it_is_refused(api, token, alice):
    monitor_id = make_monitor(alice, method="POST", body="x").id

    for reply in (
        api.post("/monitors", token, json=GOOD | {"body": "x"}),
        api.post("/monitors", token, json=GOOD | {"body": "x", "method": None}),
        api.patch(f"/monitors/{monitor_id}", token, json={"body": "x", "method": "GET"}),
        api.patch(f"/monitors/{monitor_id}", token, json={"body": "x", "method": None}),
        api.patch(f"/monitors/{monitor_id}", token, json={"method": "GET"}),
    ):
        problem = assert_problem(reply, 422, "validation_failed")
        assert [each["field"] for each in problem["errors"]] == ["body"]
    assert api.patch(f"/monitors/{monitor_id}", token, json={"body": "y"}).status_code == 200
    assert api.patch(f"/monitors/{monitor_id}", token, json={"method": "GET", "body": None}).get_json()["has_body"] is False


def test_thirty_two_levels_are_read_and_thirty_three_are_not(api, token):
    def nested(levels):
        inner = levels - 1
        data = b'{"headers": ' + b"[" * inner + b"]" * inner + b', "name": "X", "url": "https://example.com"}'
        return api.post("/monitors", token, data=data, content_type="application/json")

    assert_problem(nested(32), 422, "validation_failed")
    assert_problem(nested(33), 400, "malformed_request")


def test_brackets_within_text_are_no_levels(api, token):
    made = api.post("/monitors", token, json=GOOD | {"name": "[" * 50 + '"{' * 20})

    assert made.status_code == 201


def test_the_largest_body_is_taken(api, token):
    data = b'{"name": "X", "url": "https://example.com"' + b" " * (256 * 1024 - 43) + b"}"

    assert len(data) == 256 * 1024
    assert api.post("/monitors", token, data=data, content_type="application/json").status_code == 201
    assert_problem(api.post("/monitors", token, data=data + b" ", content_type="application/json"), 413, "body_too_large")


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_what_takes_no_body_takes_none_or_an_empty_object(api, token, alice, body):
    monitor_id = make_monitor(alice).id

    assert api.post(f"/monitors/{monitor_id}/pause", token, data=body).status_code == 200


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"x": 1}', b"x", b"\xff"])
def test_what_takes_no_body_refuses_any_other(api, token, alice, body):
    monitor_id = make_monitor(alice).id

    assert_problem(api.post(f"/monitors/{monitor_id}/pause", token, data=body), 400, "malformed_request")
    assert api.get(f"/monitors/{monitor_id}", token).get_json()["state"] == "pending"


def test_what_is_refused_is_not_repeated(api, token):
    secrets = {"headers": {"X-Key": "hush\r\n"}, "auth": {"type": "bearer", "token": "hush hush"}, "body": "hush\ud800"}

    for field, value in secrets.items():
        reply = api.post("/monitors", token, json=GOOD | {"method": "POST", field: value})

        assert reply.status_code in (400, 422)
        assert "hush" not in reply.get_data(as_text=True)
