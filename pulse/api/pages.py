"""One page of a list, and where the next begins: at a place in the order, so that what is inserted meanwhile disturbs nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from flask import request
from pydantic import Field
from sqlalchemy import RowMapping as Record
from sqlalchemy import Select

from pulse.api.operations import Reply
from pulse.api.schemas import In
from pulse.extensions import services
from pulse.problems import Problem

LONGEST_CURSOR = 1024
LARGEST_ID = 2**63 - 1

Place = list[Any]
"""What tells a row's place in the order: the values it is sorted by."""


class PageQuery(In):
    """What every list takes."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=LONGEST_CURSOR)] | None = None


def paged(
    query: Select[Any],
    asked: PageQuery,
    *,
    place_of: Callable[[Record], Place],
    after: Callable[[Place], Any],
    shape: Callable[[Record], Any],
) -> Reply:
    """Return one page of `query`: `after` is the condition for what follows a place, `shape` what is told of a row.

    One statement, on the connection that the hook has used: a list takes two in all.
    """
    if asked.cursor is not None:
        query = query.where(after(decoded(asked.cursor)))
    with services().reader.connection() as connection:
        rows = connection.execute(query.limit(asked.limit + 1)).mappings().all()
    more = len(rows) > asked.limit
    page: Sequence[Record] = rows[: asked.limit]
    cursor = encoded(place_of(page[-1])) if more else None
    headers = {"Link": f'<{next_url(cursor)}>; rel="next"'} if cursor else {}
    return Reply({"data": [shape(row) for row in page], "next_cursor": cursor}, headers=headers)


def next_url(cursor: str) -> str:
    """Return the address of the page that begins at `cursor`."""
    asked = {**request.args.to_dict(), "cursor": cursor}
    return f"{services().settings.site}{request.path}?{urlencode(asked)}"


def encoded(place: Place) -> str:
    """Return a place as opaque text."""
    told = [each.isoformat() if isinstance(each, datetime) else each for each in place]
    return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")


def decoded(cursor: str) -> Place:
    """Return the place that a cursor tells; raises `Problem` for what was not made here."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise bad_cursor() from error
    found = cast("Place", place)
    if not isinstance(place, list) or not found or not is_id(found[-1]):
        raise bad_cursor()
    return found


def is_id(value: object) -> bool:
    """Tell whether a value can be a row's id."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID


def bad_cursor() -> Problem:
    """Return the refusal of a cursor that was not made here."""
    return Problem("malformed_request", "The cursor is not one of this list: begin at its first page.")


def by_id(column: Any) -> Callable[[Place], Any]:
    """Return the condition for what follows a place in a list that is newest first."""

    def after(place: Place) -> Any:
        if len(place) != 1:
            raise bad_cursor()
        return column < place[0]

    return after
