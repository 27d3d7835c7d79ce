"""Long lists part by part: each begins beside a row of the one before, so that new rows move nothing."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from flask import request, url_for
from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from pulse.extensions import db
from pulse.names import ID

Row = TypeVar("Row", bound=Any)
Order = tuple[InstrumentedAttribute[Any], ...]


class Part(NamedTuple, Generic[Row]):
    """Some rows of a list, and where those above and below them are found."""

    rows: Sequence[Row]
    newer_url: str | None
    older_url: str | None


def part(
    query: Select[Row],
    *order: InstrumentedAttribute[Any],
    ascending: bool = False,
    most: int = 50,
    at: Callable[..., str] | None = None,
) -> Part[Row]:
    """Return the part of a list that the request's address names: what is below the row `before`, or above the row `after`.

    Without either, or where that row is gone, it is the first part. `order` is what the query sorts by, the id last;
    `most` is how many rows a part has; `at` makes an address of the list, by default that of the request.
    """
    if (row := _beside(query, order, "before")) is not None:
        below = db.session.scalars(query.where(_is_past(order, row, less=not ascending)).limit(most + 1)).all()
        return _part(below[:most], at, newer=True, older=len(below) > most)
    if (row := _beside(query, order, "after")) is not None:
        turned = query.order_by(None).order_by(*(column.desc() if ascending else column.asc() for column in order))
        above = db.session.scalars(turned.where(_is_past(order, row, less=ascending)).limit(most + 1)).all()
        return _part(above[:most][::-1], at, newer=len(above) > most, older=True)
    first = db.session.scalars(query.limit(most + 1)).all()
    return _part(first[:most], at, newer=False, older=len(first) > most)


def here(**place: Any) -> str:
    """Return the request's address, at another place of the list."""
    return url_for(request.endpoint or "", **{**(request.view_args or {}), **place})


def place() -> dict[str, Any]:
    """Return which part the request's address names, for another address of the same list."""
    return {name: given for name in ("before", "after") if ID.fullmatch(given := request.args.get(name, ""))}


def _beside(query: Select[Row], order: Order, argument: str) -> Row | None:
    """Return the row of this very list whose id the address gives."""
    given = request.args.get(argument, "")
    return db.session.scalar(query.where(order[-1] == int(given))) if ID.fullmatch(given) else None


def _is_past(order: Order, row: Any, *, less: bool) -> ColumnElement[bool]:
    place, here = tuple_(*order), tuple_(*(literal(getattr(row, column.key), column.type) for column in order))
    return place < here if less else place > here


def _part(rows: Sequence[Row], at: Callable[..., str] | None, *, newer: bool, older: bool) -> Part[Row]:
    def address(argument: str, row: Any) -> str:
        return (at or here)(**{argument: row.id})

    return Part(
        rows,
        address("after", rows[0]) if newer and rows else None,
        address("before", rows[-1]) if older and rows else None,
    )
