"""Columns read ready for JSON: times as text, short lists parsed once."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Text, cast, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from pulse.clock import iso
from pulse.db import UTCDateTime

LONGEST_KEPT = 500
"""Characters of a stored list that is kept parsed: all permissions of a key, and what headers most monitors send."""


def json_column(column: Any) -> ColumnElement[Any]:
    """Return a column whose values go as they are into JSON: nobody else may be given them."""
    if isinstance(column.type, UTCDateTime):
        return type_coerce(column, IsoTime()).label(column.key)
    if isinstance(column.type, JSON):
        return cast(column, ParsedList()).label(column.key)
    return column


class IsoTime(TypeDecorator[str]):
    """A time of `UTCDateTime` as ISO 8601, for what is only read to be told."""

    impl = UTCDateTime
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what makes its text of what the driver returns."""
        return _iso_of_text if dialect.name == "sqlite" else _iso


class ParsedList(TypeDecorator[list[str]]):
    """Texts that are stored as JSON, for what is only read: there are few distinct short lists, so those are parsed once."""

    impl = Text
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[..., list[str] | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what makes the list of its text."""
        return _listed


def _listed(stored: str | None) -> list[str] | None:
    if stored is None:
        return None
    return _parsed(stored) if len(stored) <= LONGEST_KEPT else orjson.loads(stored)


@lru_cache(maxsize=1000)
def _parsed(stored: str) -> list[str]:
    return orjson.loads(stored)


def _iso_of_text(stored: str | None) -> str | None:
    # As `clock.iso`, of a text that is stored in UTC and with six digits behind the second.
    return None if stored is None else f"{stored[:10]}T{stored[11:23]}Z"


def _iso(stored: datetime | None) -> str | None:
    return None if stored is None else iso(stored)
