"""The decorator by which an API view declares all that is asked of it: ability, query, body, reply.

It validates what comes in and shapes what goes out; and a view without a declaration is refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, NamedTuple, NoReturn, TypedDict, Unpack

from flask import Blueprint, Flask, Request, Response, request
from pydantic import BaseModel, ValidationError

from pulse.abilities import Ability
from pulse.api import repeats
from pulse.api.schemas import Nothing, as_json
from pulse.api.tables import CSV, prefers_csv, written
from pulse.extensions import db
from pulse.lane import WholeResponse
from pulse.models.refusals import Invalid
from pulse.problems import Problem
from pulse.tracing import trace

DEEPEST = 32
JSON, ANY = "application/json", "*/*"
LONGEST_ADDRESS = 8192
"""Characters of path and query together."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one view of the API declares."""

    method: str
    path: str
    ability: Ability | None
    """`None`: any key will do."""
    query: type[BaseModel]
    body: type[BaseModel] | None
    reply: type[BaseModel] | None
    status: int
    summary: str
    public: bool = False
    optional: bool = False
    """Whether the body may be left out."""
    name: str = ""
    """What generated clients call it."""
    problems: tuple[str, ...] = ()
    """Codes it can end in besides those that follow from the rest."""
    also_status: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Types it can answer besides JSON."""
    repeatable: bool = True
    """Whether it heeds `Idempotency-Key`, if it is a POST."""

    @property
    def address(self) -> str:
        """The path as it is documented: `/monitors/{monitor_id}`."""
        return self.path.replace("<id:", "<").replace("<", "{").replace(">", "}")


NO_HEADERS: Mapping[str, str] = {}


class Reply(NamedTuple):
    """A view's result together with a status or headers of its own."""

    value: Any
    status: int | None = None
    headers: Mapping[str, str] = NO_HEADERS


FAULTS = {
    "missing": ("required", "This is required."),
    "extra_forbidden": ("unknown", "There is no such field here."),
    "string_type": (Invalid.code, "Give text."),
    "bool_type": (Invalid.code, "Give true or false."),
    "int_type": (Invalid.code, "Give a whole number."),
    "list_type": (Invalid.code, "Give a list."),
    "dict_type": (Invalid.code, "Give an object."),
}
"""Code and words for what a schema finds, by the kind its library calls it; of the rest the words are kept."""

OPERATIONS: dict[str, Operation] = {}
"""Every declared view, by its endpoint."""

View = Callable[..., Any]


class More(TypedDict, total=False):
    """What few operations declare; the words of `Operation`."""

    problems: tuple[str, ...]
    also_status: tuple[int, ...]
    headers: tuple[str, ...]
    texts: tuple[str, ...]
    repeatable: bool


def operation(
    bp: Blueprint,
    method: str,
    path: str,
    *,
    ability: Ability | None,
    reply: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] = Nothing,
    status: int = 200,
    public: bool = False,
    optional: bool = False,
    **more: Unpack[More],
) -> Callable[[View], View]:
    """Route a view and declare it. It is called with its path's values, and `query` and `body` where it declares them.

    What it has written is committed once its reply is made; a view with work to do in between commits by itself.
    """

    def declare(view: View) -> View:
        summary = (view.__doc__ or "").strip().partition("\n")[0]
        name = f"{bp.name.removeprefix('api_')}_{view.__name__}"
        declared = Operation(method, path, ability, query, body, reply, status, summary, public, optional, name, **more)
        OPERATIONS[f"{bp.name}.{view.__name__}"] = declared
        bp.add_url_rule(path, view.__name__, acting(declared, view), methods=[method])
        return view

    return declare


def acting(declared: Operation, view: View) -> View:
    """Return what is routed in a view's place: it checks, calls, shapes and commits."""

    @wraps(view)
    def act(**values: Any) -> Response:
        asked = trace().asked
        check_asked(declared, asked)
        taken = taken_in(declared, asked)
        if declared.method == "GET":
            return shape(declared, view(**values, **taken))
        return done(declared, lambda: shape(declared, view(**values, **taken)))

    return act


def done(declared: Operation, make: Callable[[], Response]) -> Response:
    """Return the reply to a request that changes something, committed; to one that is sent again, the first one."""
    again = declared.method == "POST" and declared.repeatable and repeats.HEADER in request.headers
    response = repeats.once(make) if again else make()
    db.session.commit()
    return response


def check_asked(declared: Operation, asked: Request) -> None:
    """Refuse an address that is too long, and a caller that takes no JSON, before anything is done."""
    environ = asked.environ
    if len(environ["PATH_INFO"]) + len(environ["QUERY_STRING"]) > LONGEST_ADDRESS:
        raise Problem("uri_too_long")
    if environ.get("HTTP_ACCEPT") in (None, "", ANY):
        return
    kinds = ((JSON,) if declared.reply else ()) + declared.texts
    if kinds and all(asked.accept_mimetypes.quality(kind) <= 0 for kind in kinds):
        raise Problem("not_acceptable")


def taken_in(declared: Operation, asked: Request) -> dict[str, Any]:
    """Return the request's validated query and body, by the names under which the view takes them."""
    taken: dict[str, Any] = {}
    query = read_query(declared.query) if asked.query_string else nothing_asked(declared.query)
    if declared.query is not Nothing:
        taken["query"] = query
    if declared.body is not None:
        empty = declared.optional and not asked.get_data(cache=True)
        taken["body"] = declared.body() if empty else read_body(declared.body)
    elif declared.method in ("POST", "PUT", "PATCH"):
        read_empty_body()
    return taken


def shape(declared: Operation, result: Any) -> Response:
    """Return a view's result as the declared reply."""
    if isinstance(result, Response):
        return result
    value, status, headers = result, None, NO_HEADERS
    if isinstance(result, Reply):
        value, status, headers = result.value, result.status, result.headers
    if declared.reply is None:
        return Response(status=204, headers=dict(headers))
    if CSV in declared.texts and prefers_csv():
        model = declared.reply.model_validate(value, from_attributes=True)
        return Response(written(model), status or declared.status, headers=dict(headers), content_type=f"{CSV}; charset=utf-8")
    response = WholeResponse(as_json(value, declared.reply), status or declared.status, JSON)
    if headers:
        response.headers.update(dict(headers))
    return response


@cache
def nothing_asked(model: type[BaseModel]) -> BaseModel:
    """Return what a query string comes to that is not there."""
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
        _refuse([{"field": name, "code": "repeated", "message": "Give this once."} for name in repeated])
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
        raise Problem("malformed_request", "This takes no body, or {}.")


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
        raise Problem("malformed_request", "A key stands twice in one object of the body.")
    return seen


def _no_constant(name: str) -> NoReturn:
    raise Problem("malformed_request", f"{name} is no JSON number.")


def invalid(error: ValidationError) -> Problem:
    """Return all faults of a validation at once."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Problem("malformed_request", "The body is not a JSON object in UTF-8.")
    faults = [_fault(each) for each in found]
    return Problem("validation_failed", errors=faults)


def _fault(each: Mapping[str, Any]) -> dict[str, str]:
    """Return one fault in the API's own words: which library found it is nobody's business."""
    kind, message = str(each["type"]), str(each["msg"]).removeprefix("Value error, ")
    code, told = FAULTS.get(kind, (Invalid.code, message))
    return {"field": ".".join(str(part) for part in each["loc"]), "code": code, "message": told}


def _refuse(faults: list[dict[str, str]]) -> NoReturn:
    raise Problem("validation_failed", errors=faults)


def check_declared(app: Flask, prefix: str) -> None:
    """Refuse to start with a view under `prefix` that declares nothing."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(prefix) and rule.endpoint not in OPERATIONS:
            raise RuntimeError(f"{rule.rule} declares no operation")
