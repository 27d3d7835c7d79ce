"""The OpenAPI document: valid, complete, and nothing in it that is not so."""

import gzip
import json
import re

import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from pulse.abilities import Ability
from pulse.api.answers import codes
from pulse.api.openapi import document
from pulse.api.operations import OPERATIONS
from pulse.cli import pulse
from pulse.problems import MEANINGS
from pulse.routing import API
from tests.factories import make_key

DEFAULTS = ["GET", 60, 30, 200]


@pytest.fixture
def told(api):
    reply = api.get("/openapi.json")
    assert reply.status_code == 200
    return reply.get_json()


def test_the_document_needs_no_token_and_is_valid(told):
    validate(told)

    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": "http://localhost:8000/api/v1"}]


def test_every_route_is_in_the_document_and_every_operation_of_it_is_routed(app, told):
    routed = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(API):
            path = re.sub(r"<(?:id:)?(\w+)>", r"{\1}", rule.rule.removeprefix(API))
            routed |= {(path, method.lower()) for method in rule.methods - {"HEAD", "OPTIONS"}}

    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == routed


def test_every_operation_tells_its_ability_and_every_code_its_status(told):
    for declared in OPERATIONS.values():
        operation = told["paths"][declared.address][declared.method.lower()]
        assert operation.get("x-ability") == (declared.ability and declared.ability.value)
        assert (operation.get("security") == []) is declared.public
        for code in codes(declared):
            assert code in documented(told, operation, MEANINGS[code].status)


def documented(told, operation, status: int) -> list[str]:
    """The codes that an operation is said to end in with a status."""
    name = operation["responses"][str(status)]["$ref"].rpartition("/")[2]
    content = told["components"]["responses"][name]["content"]["application/problem+json"]
    return content["schema"]["allOf"][1]["properties"]["code"]["enum"]


@pytest.mark.parametrize("name", [each.name for each in OPERATIONS.values() if not each.public])
def test_what_anybody_can_run_into_is_in_the_document(api, alice, told, name):
    token, few = make_key(alice).token, make_key(alice, Ability.KEY_ROTATE, name="Few").token
    declared = next(each for each in OPERATIONS.values() if each.name == name)
    path = re.sub(r"\{\w+\}", "999999999", declared.address)
    coded = {"data": b"{}", "content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}
    replies = [
        api.call(declared.method, path),
        api.call(declared.method, path, "x"),
        api.call(declared.method, f"{path}?%ff", token),
        api.call(declared.method, f"{path}?nothing=1", token),
        api.call(declared.method, f"{path}?{'x' * 9000}", token),
        *([api.call(declared.method, path, token, **coded)] if declared.method in ("POST", "PUT", "PATCH") else []),
        *([api.call(declared.method, path, few)] if declared.ability not in (None, Ability.KEY_ROTATE) else []),
    ]

    operation = told["paths"][declared.address][declared.method.lower()]
    for reply in replies:
        assert reply.get_json(force=True)["code"] in documented(told, operation, reply.status_code)
    assert len({reply.status_code for reply in replies}) >= 4


def test_the_document_is_small_and_sent_compressed(api):
    whole, squeezed = api.get("/openapi.json"), api.get("/openapi.json", headers={"Accept-Encoding": "gzip"})

    assert gzip.decompress(squeezed.get_data()) == whole.get_data()
    assert "Accept-Encoding" in squeezed.headers.getlist("Vary")
    assert squeezed.headers["Cache-Control"] == "no-store"
    assert len(whole.get_data()) < 200_000
    assert len(squeezed.get_data()) < 25_000


def test_a_body_is_told_with_its_bounds_defaults_and_members(told):
    schemas = told["components"]["schemas"]
    monitor, rule = schemas["MonitorIn"]["properties"], schemas["RuleIn"]["properties"]

    assert list(monitor)[:2] == schemas["MonitorIn"]["required"] == ["name", "url"]
    assert monitor["expected_status"]["minimum"] == 200
    assert [monitor[name]["default"] for name in ("method", "interval_seconds", "timeout_seconds", "expected_status")] == DEFAULTS
    assert "default" not in schemas["MonitorChange"]["properties"]["interval_seconds"]
    assert monitor["project_id"]["anyOf"][0]["minimum"] == 1
    assert monitor["headers"]["maxProperties"] == 20
    assert schemas["AuthIn"]["properties"].keys() == {"type", "username", "password", "token"}
    assert schemas["ResolveIn"]["properties"]["root_cause"]["maxLength"] == 2000
    assert rule["priority"]["default"] == "high"
    assert '"default":null' not in json.dumps(told, separators=(",", ":"))


def test_whatever_changes_something_can_end_in_a_conflict(told):
    silent = [
        f"{method} {path}"
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
        if method != "get" and "409" not in operation["responses"]
    ]

    assert silent == []


def test_names_of_operations_are_unique(told):
    names = [operation["operationId"] for methods in told["paths"].values() for operation in methods.values()]

    assert len(names) == len(set(names))


def test_bounds_and_times_are_told_in_the_documents_own_words(told):
    parameters = {each["name"]: each["schema"] for each in told["paths"]["/monitors"]["get"]["parameters"]}

    assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"]) == (1, 200)
    assert told["components"]["schemas"]["MonitorOut"]["properties"]["created_at"]["format"] == "date-time"
    assert '"ge"' not in json.dumps(told)


def test_the_command_prints_the_same_document():
    printed = CliRunner().invoke(pulse, ["openapi"])

    assert printed.exit_code == 0
    assert json.loads(printed.output)["paths"] == json.loads(json.dumps(document("x")))["paths"]
