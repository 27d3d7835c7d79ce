"""One page of a list, and where the next begins: at a place in the order, so that what is inserted meanwhile disturbs nothing."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from flask import request
from pydantic import Field
from sqlalchemy import Integer, Select, bindparam

from pulse.api.operations import Reply
from pulse.api.schemas import Count, In
from pulse.db import LARGEST
from pulse.extensions import services
from pulse.problems import Problem
from pulse.reading import records_of
from pulse.tracing import trace

LONGEST_CURSOR = 4096
"""More than the longest name in its dearest spelling takes."""

Query = Select[*tuple[Any, ...]]
Record = dict[str, Any]
"""A row by its columns' names."""
Place = list[Any]
"""What tells a row's place in the order: the values it is sorted by."""


class PageQuery(In):
    """What every list takes."""

    limit: Annotated[Count, Field(ge=1, le=200)] = 50
    cursor: str | None = None


def newest_first(query: Query, asked: PageQuery, ids: Any, *, shape: Callable[[Record], Any] | None = None) -> Reply:
    """Return one page of `query`, newest first: `ids` is the column to go by, `shape` what is told of a row.

    One statement, on the connection that the hook has used: a list takes two in all.
    """
    return page(fetched(narrowed(query.order_by(ids.desc()), asked, by_id(ids))), asked, shape=shape)


class Listing:
    """A list whose questions are built once, by which filters are given: a page then costs its values alone."""

    def __init__(self, build: Callable[..., Query]) -> None:
        self._build = build
        self._built: dict[tuple[str, ...], Query] = {}

    def rows(self, asked: PageQuery, after: Callable[[Place], Any], **filters: Any) -> Sequence[Record]:
        """Return the rows of the page that is asked for; a filter that is `None` is not given."""
        given = {name: value for name, value in filters.items() if value is not None}
        if asked.cursor is not None:
            return fetched(narrowed(self._build(**given), asked, after))
        names = tuple(given)
        if (query := self._built.get(names)) is None:
            query = self._build(**{name: bindparam(name) for name in names})
            query = self._built[names] = query.limit(bindparam("page_size", type_=Integer))
        return trace().services.reader.question(query).all(page_size=asked.limit + 1, **given)


def narrowed(query: Query, asked: PageQuery, after: Callable[[Place], Any]) -> Query:
    """Return the query for the page that is asked for, and one row more to tell whether another follows."""
    if asked.cursor is not None:
        query = query.where(after(decoded(asked.cursor)))
    return query.limit(asked.limit + 1)


def fetched(query: Query) -> Sequence[Record]:
    """Return the rows of a query, read without a transaction: nobody's writing is waited for."""
    with services().reader.connection() as connection:
        found = connection.execute(query)
        return list(map(records_of(tuple(found.keys())), found))


def fetched_one(query: Query) -> Record:
    """Return the one row of a query, or answer 404: another team's is no other than one that does not exist."""
    rows = fetched(query)
    if not rows:
        raise Problem("not_found")
    return rows[0]


def id_of(row: Record) -> Place:
    """Return a row's place in a list that is newest first."""
    return [row["id"]]


def page(
    rows: Sequence[Record],
    asked: PageQuery,
    *,
    place_of: Callable[[Record], Place] = id_of,
    shape: Callable[[Record], Any] | None = None,
    kind: type[dict[str, Any]] = dict,
) -> Reply:
    """Return a page of the rows that `narrowed` found; `kind` is `JsonReady` where they are."""
    shown = rows[: asked.limit]
    cursor = encoded(place_of(shown[-1])) if len(rows) > asked.limit else None
    headers = {"Link": f'<{next_url(cursor)}>; rel="next"'} if cursor else {}
    return Reply(kind(data=list(map(shape, shown)) if shape else shown, next_cursor=cursor), headers=headers)


def next_url(cursor: str) -> str:
    """Return the address of the page that begins at `cursor`."""
    asked = {**request.args.to_dict(), "cursor": cursor}
    return f"{services().settings.site}{request.path}?{urlencode(asked)}"


def encoded(place: Place) -> str:
    """Return a place in the list that is asked for as opaque text."""
    told = [each.isoformat() if isinstance(each, datetime) else each for each in place]
    text = json.dumps([list_asked(), *told], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(cursor: str) -> Place:
    """Return the place that a cursor tells; raises `Problem` for what was not made here, or for another list."""
    if len(cursor) > LONGEST_CURSOR:
        raise bad_cursor()
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True).decode())
    except (ValueError, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(place, list) or not place or place[0] != list_asked():
        raise bad_cursor()
    found = cast("Place", place[1:])
    if not found or not is_id(found[-1]):
        raise bad_cursor()
    return found


def list_asked() -> str:
    """Return the mark of the list that is asked for."""
    return mark_of(request.path, request.args)


def mark_of(path: str, asked: Mapping[str, str]) -> str:
    """Return what tells a list with its filters from others: a place in one is none in another."""
    filters = sorted((name, value) for name, value in asked.items() if name not in ("limit", "cursor"))
    return sha256(json.dumps([path, filters]).encode()).hexdigest()[:12]


def is_id(value: object) -> bool:
    """Tell whether a value can be a row's id."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


def bad_cursor() -> Problem:
    """Return the refusal of a cursor that was not made here."""
    return Problem("malformed_request", "This cursor does not belong to this list: start again at the first page.")


def by_id(column: Any) -> Callable[[Place], Any]:
    """Return the condition for what follows a place in a list that is newest first."""

    def after(place: Place) -> Any:
        if len(place) != 1:
            raise bad_cursor()
        return column < place[0]

    return after
