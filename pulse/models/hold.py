"""Taking a row for oneself before anything is decided on it."""

from sqlalchemy import inspect, select

from pulse.db import Base, DbSession
from pulse.models.refusals import Conflict


def hold(session: DbSession, row: Base, gone: str, *, key_share: bool = False) -> None:
    """Read a row anew and keep it until the transaction ends; raises `Conflict` saying `gone` where it is gone.

    With `key_share` others may still refer to it meanwhile.
    """
    kind = type(row)
    (key,), (number,) = inspect(kind).primary_key, inspect(row).identity or (None,)
    query = select(kind).where(key == number).with_for_update(key_share=key_share, of=kind)
    if session.scalar(query.execution_options(populate_existing=True)) is None:
        raise Conflict(gone)
