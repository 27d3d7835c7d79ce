"""The OpenAPI document: valid, complete, and nothing in it that is not so."""

import json
import re

import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from pulse.api.openapi import codes, document
from pulse.api.operations import OPERATIONS
from pulse.cli import pulse
from pulse.problems import MEANINGS
from pulse.routing import API


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
            assert code in json.dumps(operation["responses"][str(MEANINGS[code].status)])


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
