"""What a request sends, read and checked against what its operation declares: query and body, all faults at once."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

from flask import request
from pydantic import BaseModel, ValidationError

from pulse.models.refusals import FaultCode
from pulse.problems import Problem, fault, validation_failed

DEEPEST = 32
"""Levels of a body's brackets."""
FAULTS = {
    "missing": (FaultCode.REQUIRED, "This is required."),
    "extra_forbidden": (FaultCode.UNKNOWN, "This field does not exist."),
    "string_type": (FaultCode.INVALID, "Use a string."),
    "bool_type": (FaultCode.INVALID, "Use true or false."),
    "int_type": (FaultCode.INVALID, "Use a whole number."),
    "list_type": (FaultCode.INVALID, "Use a list."),
    "dict_type": (FaultCode.INVALID, "Use an object."),
}
"""Code and words for what a schema finds, by the kind its library calls it; of the rest the words are kept."""


@cache
def default_query(model: type[BaseModel]) -> BaseModel:
    """Return what a query's fields are when none is given."""
    return checked(model, {})


def checked(model: type[BaseModel], fields: Mapping[str, str]) -> BaseModel:
    """Return fields as their model has them; raises `Problem` with all their faults."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from error


def read_query(model: type[BaseModel]) -> BaseModel:
    """Return the query string's fields; unknown and repeated ones are faults."""
    repeated = [name for name in request.args if len(request.args.getlist(name)) > 1]
    if repeated:
        raise validation_failed(*(fault(name, "Send this only once.", FaultCode.REPEATED) for name in repeated))
    return checked(model, request.args.to_dict())


def read_body(model: type[BaseModel]) -> BaseModel:
    """Return the body's fields, checked: one JSON object, UTF-8, no duplicate key, no NaN, not too deep."""
    if request.mimetype != "application/json":
        raise Problem("unsupported_media_type")
    raw = request.get_data(cache=True)
    check_json(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error) from error


def read_empty_body() -> None:
    """Refuse a body where none is taken; none and `{}` are the same."""
    raw = request.get_data(cache=True)
    if raw and check_json(raw) != {}:
        raise Problem("malformed_request", "This request takes no body, or {}.")


def check_json(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`; raises `Problem` for what JSON allows and we do not."""
    try:
        text = raw.decode("utf-8")
        if _depth(text) > DEEPEST:
            raise Problem("malformed_request", f"The body is nested deeper than {DEEPEST} levels.")
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed_request", "The body is not a JSON object in UTF-8.") from error
    if not isinstance(value, dict):
        raise Problem("malformed_request", "The body must be a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType]


# One that never ends is taken whole, too: else each of its quotes would be tried as the beginning of another.
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)


def _depth(text: str) -> int:
    """Return how deep brackets nest outside strings; counted, not parsed, so that no depth can exhaust the stack."""
    deepest = depth = 0
    for character in re.sub(r"[^\[\]{}]", "", _STRINGS.sub("", text)):
        depth += 1 if character in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise Problem("malformed_request", "An object in the body has the same key twice.")
    return seen


def _no_constant(name: str) -> NoReturn:
    raise Problem("malformed_request", f"{name} is not a JSON number.")


def invalid(error: ValidationError) -> Problem:
    """Return all faults of a validation at once."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Problem("malformed_request", "The body is not a JSON object in UTF-8.")
    return validation_failed(*map(_fault, found))


def _fault(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return one fault in the API's own words: which library found it is nobody's business."""
    kind, message = str(each["type"]), str(each["msg"]).removeprefix("Value error, ")
    code, words = FAULTS.get(kind, (FaultCode.INVALID, message))
    return fault(".".join(str(part) for part in each["loc"]), words, code)
