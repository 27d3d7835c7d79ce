"""The decorator by which an API view declares all that is asked of it: ability, query, body, reply.

What comes in is validated, what goes out is shaped; and a view without a declaration is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, TypedDict, Unpack

from flask import Blueprint, Flask, Request, Response
from pydantic import BaseModel

from pulse.abilities import Ability
from pulse.api import repeats
from pulse.api.accepting import JSON, USUAL, accepted
from pulse.api.schemas import Nothing, as_json
from pulse.api.tables import CSV, prefers_csv, written
from pulse.api.validation import default_query, read_body, read_empty_body, read_query
from pulse.extensions import db, services
from pulse.lane import WholeResponse
from pulse.problems import Problem
from pulse.routing import API
from pulse.tracing import trace

LONGEST_ADDRESS = 8192
"""Characters of path and query together."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one view of the API declares."""

    method: str
    path: str
    ability: Ability | None
    """`None`: any key will do."""
    summary: str
    name: str
    """What generated clients call it."""
    query: type[BaseModel] = Nothing
    body: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    status: int = 200
    public: bool = False
    optional: bool = False
    """Whether the body may be left out."""
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


def created(value: Any, path: str) -> Reply:
    """Return the reply that tells of something new, and where below the API it is from now on."""
    return Reply(value, 201, {"Location": f"{services().settings.site}{API}{path}"})


OPERATIONS: dict[str, Operation] = {}
"""Every declared view, by its endpoint."""

View = Callable[..., Any]


class Declared(TypedDict, total=False):
    """What a view declares besides its route and ability; the words of `Operation`."""

    query: type[BaseModel]
    body: type[BaseModel]
    reply: type[BaseModel]
    status: int
    public: bool
    optional: bool
    problems: tuple[str, ...]
    also_status: tuple[int, ...]
    headers: tuple[str, ...]
    texts: tuple[str, ...]
    repeatable: bool


def operation(
    bp: Blueprint, method: str, path: str, *, ability: Ability | None, **declared: Unpack[Declared]
) -> Callable[[View], View]:
    """Route a view and declare it. It is called with its path's values, and `query` and `body` where it declares them.

    What it has written is committed once its reply is made; a view with work to do in between commits by itself.
    """

    def declare(view: View) -> View:
        summary = (view.__doc__ or "").strip().partition("\n")[0]
        name = f"{bp.name.removeprefix('api_')}_{view.__name__}"
        own = OPERATIONS[f"{bp.name}.{view.__name__}"] = Operation(method, path, ability, summary, name, **declared)
        # OPTIONS would be answered in the name of an operation that was not asked for.
        bp.add_url_rule(path, view.__name__, acting(own, view), methods=[method], provide_automatic_options=False)
        return view

    return declare


def acting(declared: Operation, view: View) -> View:
    """Return what is routed in a view's place: it checks, calls, shapes and commits."""

    @wraps(view)
    def act(**values: Any) -> Response:
        asked = trace().asked
        check_asked(declared, asked)
        if declared.method == "GET":
            return shape(declared, view(**values, **taken_in(declared, asked)))
        # What is sent is judged after what was answered before: a repeat gets that, whatever has changed since.
        return done(declared, asked, lambda: shape(declared, view(**values, **taken_in(declared, asked))))

    return act


def done(declared: Operation, asked: Request, make: Callable[[], Response]) -> Response:
    """Return the reply to a request that changes something, committed; to one that is sent again, the first one."""
    again = declared.method == "POST" and declared.repeatable and repeats.HEADER in asked.headers
    response = repeats.once(make) if again else make()
    db.session.commit()
    return response


def check_asked(declared: Operation, asked: Request) -> None:
    """Refuse an address that is too long, and a caller that takes no JSON, before anything is done."""
    environ = asked.environ
    if len(environ["PATH_INFO"]) + len(environ["QUERY_STRING"]) > LONGEST_ADDRESS:
        raise Problem("uri_too_long")
    accept = environ.get("HTTP_ACCEPT")
    if accept in USUAL and (accept != JSON or declared.reply):
        return
    kinds = ((JSON,) if declared.reply else ()) + declared.texts
    taken = accepted(asked)
    if kinds and all(taken.quality(kind) <= 0 for kind in kinds):
        raise Problem("not_acceptable")


def taken_in(declared: Operation, asked: Request) -> dict[str, Any]:
    """Return the request's validated query and body, by the names under which the view takes them."""
    taken: dict[str, Any] = {}
    query = read_query(declared.query) if asked.query_string else default_query(declared.query)
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


def check_declared(app: Flask, prefix: str) -> None:
    """Refuse to start with a view under `prefix` that declares nothing."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(prefix) and rule.endpoint not in OPERATIONS:
            raise RuntimeError(f"{rule.rule} declares no operation")
