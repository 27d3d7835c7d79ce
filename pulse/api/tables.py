"""Lists as CSV, for spreadsheets: `Accept: text/csv`."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from flask import request
from pydantic import BaseModel

from pulse.api.accepting import JSON, USUAL, accepted

CSV = "text/csv"
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""What a cell of a spreadsheet begins with when it is computed rather than shown, wide forms included."""


def prefers_csv() -> bool:
    """Tell whether the caller takes CSV rather than JSON."""
    if request.environ.get("HTTP_ACCEPT") in USUAL:
        return False
    taken = accepted(request)
    return taken.quality(CSV) > taken.quality(JSON)


def written(page: BaseModel) -> str:
    """Return a page's rows as CSV, with a line of names above them; the next page is told by the `Link` header."""
    rows: list[Mapping[str, Any]] = page.model_dump(mode="json", by_alias=True)["data"]
    names = list(_item(page).model_fields)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(names)
    table.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _item(page: BaseModel) -> type[BaseModel]:
    """Return the model of what a page lists, which also an empty one has."""
    return type(page).__pydantic_generic_metadata__["args"][0]


def _cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet computes."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
