"""What a request sends, read and checked against what its operation declares: query and body, all faults at once."""

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from flask import request
from pydantic import BaseModel, ValidationError

from pulse.models.refusals import FaultCode
from pulse.problems import Problem, fault, validation_failed

UTF_8 = ("utf-8", "utf8")
DEEPEST = 32
"""Levels of a body's brackets."""
FAULTS = {
    "missing": (FaultCode.REQUIRED, "This is required."),
    "extra_forbidden": (FaultCode.UNKNOWN, "This field does not exist."),
    "string_type": (FaultCode.INVALID, "Use a string."),
    "bool_type": (FaultCode.INVALID, "Use true or false."),
    "int_type": (FaultCode.INVALID, "Use a whole number."),
    "int_parsing": (FaultCode.INVALID, "Use a whole number."),
    "int_parsing_size": (FaultCode.INVALID, "Use a smaller number."),
    "int_from_float": (FaultCode.INVALID, "Use a whole number."),
    "float_type": (FaultCode.INVALID, "Use a number."),
    "finite_number": (FaultCode.INVALID, "Use a number."),
    "greater_than_equal": (FaultCode.INVALID, "Use a number of at least {ge}."),
    "less_than_equal": (FaultCode.INVALID, "Use a number of at most {le}."),
    "string_too_long": (FaultCode.INVALID, "Use at most {max_length} characters."),
    "too_long": (FaultCode.INVALID, "Use at most {max_length} entries."),
    "list_type": (FaultCode.INVALID, "Use a list."),
    "dict_type": (FaultCode.INVALID, "Use an object."),
    "model_type": (FaultCode.INVALID, "Use an object."),
    "timezone_aware": (FaultCode.INVALID, "Add the time zone, as in 2026-01-31T12:00:00Z."),
}
"""Code and words for what a schema finds, by the kind its library calls it."""
OWN = "value_error"
"""What a rule of ours found; its words are kept."""
CLOSED = ("enum", "literal_error")
UNFORESEEN = "This value cannot be used here."
TIMES = ("datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid")


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
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed_request", "The query string is not UTF-8, percent-encoded.") from error
    repeated = [name for name in request.args if len(request.args.getlist(name)) > 1]
    if repeated:
        raise validation_failed(*(fault(name, "Send this only once.", FaultCode.REPEATED) for name in repeated))
    return checked(model, request.args.to_dict())


def read_body(model: type[BaseModel]) -> BaseModel:
    """Return the body's fields, checked: one JSON object, UTF-8, no duplicate key, no NaN, not too deep."""
    if request.mimetype != "application/json":
        raise Problem("unsupported_media_type")
    if request.mimetype_params.get("charset", "utf-8").lower() not in UTF_8:
        raise Problem("unsupported_media_type", "Send the body in UTF-8: JSON has no other charset.")
    refuse_coding()
    raw = request.get_data(cache=True)
    check_json(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error) from error


def read_empty_body() -> None:
    """Refuse a body where none is taken; none and `{}` are the same."""
    raw = request.get_data(cache=True)
    if not raw:
        return
    refuse_coding()
    if check_json(raw) != {}:
        raise Problem("malformed_request", "This request takes no body, or {}.")


def refuse_coding() -> None:
    """Refuse a body that says it is compressed, whatever it is: it would be read as something else than what it says."""
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Problem("unsupported_media_type", "Send the body as it is, without a Content-Encoding.")


def check_json(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`; raises `Problem` for what JSON allows and we do not."""
    try:
        text = raw.decode("utf-8")
        if _depth(text) > DEEPEST:
            raise Problem("malformed_request", f"The body is nested deeper than {DEEPEST} levels.")
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Problem("malformed_request", "The body is not a JSON object in UTF-8.") from error
    except ValueError as error:
        # All that is left of what `json` finds: Python reads no whole number of more digits, for that takes too long.
        most = sys.get_int_max_str_digits()
        raise Problem("malformed_request", f"A number in the body has more than {most:,} digits.") from error
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
    found = error.errors(include_url=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Problem("malformed_request", "The body is not a JSON object in UTF-8.")
    return validation_failed(*map(_fault, found))


def _fault(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return one fault in the API's own words: which library found it is nobody's business."""
    code, words = FAULTS.get(each["type"], (FaultCode.INVALID, ""))
    told = words.format_map(each.get("ctx", {})) or _words(each)
    return fault(".".join(str(part) for part in each["loc"]), told, code)


def _words(each: Mapping[str, Any]) -> str:
    """Return the words for a fault whose kind has none of its own."""
    if each["type"] == OWN:
        return str(each["msg"]).removeprefix("Value error, ")
    if each["type"] in CLOSED:
        offered = re.findall("'([^']*)'", each["ctx"]["expected"])
        return f"Choose one of {', '.join(offered)}."
    return "Use a time such as 2026-01-31T12:00:00Z." if each["type"] in TIMES else UNFORESEEN
