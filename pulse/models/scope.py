"""Which monitors of a team something holds for: all of them, those to come included, or chosen ones."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import Column, ForeignKey, Table, select, true
from sqlalchemy.orm import Mapped, mapped_column

from pulse.db import Base, BigId, DbSession
from pulse.models.channel import Channel
from pulse.models.monitor import Monitor
from pulse.models.refusals import Invalid

Owned = TypeVar("Owned", Monitor, Channel)


class Scoped:
    """What holds for all monitors of its team, or for those that are paired with it."""

    covers_all: Mapped[bool] = mapped_column(server_default=true())
    monitors: Mapped[list[Monitor]]

    @property
    def monitor_ids(self) -> list[int] | None:
        """The ids of the chosen monitors; None where it holds for all."""
        return None if self.covers_all else sorted(each.id for each in self.monitors)

    def covers(self, monitor_id: int) -> bool:
        """Tell whether a monitor of the team is among those it holds for."""
        return self.covers_all or any(each.id == monitor_id for each in self.monitors)


def pairs(name: str, *targets: str) -> Table:
    """Return the table that pairs the rows of two others, each given as `column = table`; a pair goes with either of them."""
    sides = [target.partition(" = ") for target in targets]
    columns = [
        Column(column, BigId, ForeignKey(f"{table}.id", ondelete="CASCADE"), primary_key=True, index=place > 0)
        for place, (column, _, table) in enumerate(sides)
    ]
    return Table(name, Base.metadata, *columns)


def check_monitor_ids(ids: Collection[int] | None) -> list[int] | None:
    """Return the ids of chosen monitors, each once, None for all of them; raises `Invalid` where none is chosen."""
    if ids is not None and not ids:
        raise Invalid("monitor_ids", "Choose at least one monitor, or all of them.")
    return None if ids is None else sorted(set(ids))


def chosen(
    session: DbSession, kind: type[Owned], team_id: int, field: str, ids: Collection[int]
) -> tuple[list[Owned], list[Invalid]]:
    """Return the team's things with these ids, kept until the transaction ends, and the fault where one is not among them."""
    if not ids:
        return [], []
    query = select(kind).where(kind.team_id == team_id, kind.id.in_(ids)).order_by(kind.id)
    found = list(session.scalars(query.with_for_update(read=True, key_share=True)))
    missing = sorted(set(ids) - {each.id for each in found})
    told = ", ".join(map(str, missing[:5]))
    return found, [Invalid(field, f"Not found in this team: {told}.")] if missing else []
