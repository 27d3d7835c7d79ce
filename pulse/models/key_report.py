"""What can be told of a key's use: how often, for what, what was refused, and what it can do without."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, Select, case, func, or_, select

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models.api_key import ApiKey
from pulse.models.key_use import FORMER, KEPT, KeyClient, KeyUse
from pulse.models.token import Token

DENIALS = (401, 403, 429)
"""Statuses of requests that would have been answered with another key, permission, plan or pace."""
FAILURES = 500
"""From here on the fault was the server's. What else was refused is a mistake in the request, which harms nobody."""
LEARNED_AFTER = timedelta(days=7)
"""How long a key must have been in use before it is said which of its abilities it does not need."""


Total = Row[*tuple[str, str, str, int, datetime]]
"""Operation, ability, code, number of requests, and the last hour in which one came."""


class Span(StrEnum):
    """How far back a picture goes."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def label(self) -> str:
        """What people read."""
        return {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}[self.value]

    @property
    def bar(self) -> str:
        """What one of its bars stands for: so many requests."""
        return {"24h": "an hour", "7d": "in 6 hours", "30d": "a day"}[self.value]

    def edges(self, zone: tzinfo) -> list[datetime]:
        """Return where its bars begin, and where the last one ends: hours, quarters of a day, or days as people live them."""
        now = utcnow()
        if self is Span.DAY:
            hour = now.replace(minute=0, second=0, microsecond=0)
            return [(hour + timedelta(hours=1 - back)).astimezone(zone) for back in range(24, -1, -1)]
        today = now.astimezone(zone).date()
        days, hours = (7, (0, 6, 12, 18)) if self is Span.WEEK else (30, (0,))
        dates = [today - timedelta(days=back) for back in range(days - 1, -2, -1)]
        edges = [datetime.combine(date, time(hour), zone) for date in dates for hour in hours]
        return [edge for edge in edges if edge <= datetime.combine(dates[-1], time(), zone)]


@dataclass(frozen=True, slots=True)
class Bar:
    """The requests of one stretch of time."""

    begins: datetime
    ends: datetime
    answered: int
    mistaken: int
    """Refused for what the request asked, such as an address that does not exist."""
    denied: int
    """Refused because of the key, or failed by a fault of the server: what deserves attention."""

    @property
    def refused(self) -> int:
        """Those that ended in a problem."""
        return self.mistaken + self.denied

    @property
    def total(self) -> int:
        """All of them."""
        return self.answered + self.refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of problem that a key's requests ended in."""

    code: str
    ability: str
    count: int
    hour: datetime
    """The last one in which it came."""
    client: KeyClient | None
    """Who was refused last, where that is known."""

    @property
    def hour_ends(self) -> datetime:
        """Until when it came last, where no more than the hour is known."""
        return self.hour + timedelta(hours=1)

    @property
    def is_recent(self) -> bool:
        """Whether that hour goes on."""
        return self.hour_ends > utcnow()


@dataclass(frozen=True, slots=True)
class RefusedLately:
    """How many requests of a key were refused in the last 24 hours."""

    total: int
    denied: int
    """How many of them because of the key itself, or by a fault of the server."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A key's requests over a span, with its former tokens' tries."""

    bars: list[Bar]
    operations: list[tuple[str, str, int]]
    """Operation, ability, number of requests; the most frequent first."""
    refusals: list[Refusal]

    @property
    def total(self) -> int:
        """How many requests."""
        return sum(bar.total for bar in self.bars)

    @property
    def refused(self) -> int:
        """How many of them ended in a problem."""
        return sum(bar.refused for bar in self.bars)

    @property
    def denied(self) -> int:
        """How many of these deserve attention."""
        return sum(bar.denied for bar in self.bars)

    @property
    def most(self) -> int:
        """The height of the highest bar."""
        return max((bar.total for bar in self.bars), default=0)


@dataclass(frozen=True, slots=True)
class Spare:
    """Abilities that a key holds and has not used."""

    abilities: list[Ability]
    requests: int
    """In 30 days, or since its first use; none of them would have been refused without these abilities."""


def requests_lately(session: DbSession, keys: Sequence[ApiKey]) -> dict[int, int]:
    """Return how many requests each key has had in the last 24 hours, by its id."""
    counted = select(Token.key_id, _total()).join(KeyUse, KeyUse.token_id == Token.id).group_by(Token.key_id)
    mine = counted.where(Token.key_id.in_([key.id for key in keys]), KeyUse.hour >= Span.DAY.edges(UTC)[0])
    return {row.key_id: int(row.total) for row in session.execute(mine)}


def refused_lately(session: DbSession, keys: Sequence[ApiKey]) -> dict[int, RefusedLately]:
    """Return how many requests of each key were refused in the last 24 hours, by its id; former tokens' tries apart."""
    denied = func.sum(case((_is_denied(), KeyUse.count), else_=0)).label("denied")
    counted = select(Token.key_id, _total(), denied).join(KeyUse, KeyUse.token_id == Token.id).group_by(Token.key_id)
    mine = counted.where(Token.key_id.in_([key.id for key in keys]), KeyUse.hour >= Span.DAY.edges(UTC)[0])
    rows = session.execute(mine.where(KeyUse.code.not_in(("", *FORMER))))
    return {row.key_id: RefusedLately(int(row.total), int(row.denied)) for row in rows}


def activity(session: DbSession, key: ApiKey, span: Span, zone: tzinfo) -> Activity:
    """Return a key's requests over `span`, drawn in the person's zone."""
    edges = span.edges(zone)
    mine = _of(key).where(KeyUse.hour >= edges[0])
    refused, denied = (KeyUse.code != "").label("refused"), _is_denied().label("denied")
    hours = session.execute(mine.with_only_columns(KeyUse.hour, refused, denied, _total()).group_by(KeyUse.hour, refused, denied))
    kinds = (KeyUse.operation, KeyUse.ability, KeyUse.code)
    latest = func.max(KeyUse.hour).label("latest")
    totals = session.execute(mine.with_only_columns(*kinds, _total(), latest).group_by(*kinds)).all()
    operations: Counter[tuple[str, str]] = Counter()
    for row in totals:
        operations[row.operation, row.ability] += int(row.total)
    return Activity(
        _bars(edges, hours.all()),
        [(operation, ability, count) for (operation, ability), count in operations.most_common()],
        _refusals(session, key, [row for row in totals if row.code]),
    )


def _refusals(session: DbSession, key: ApiKey, totals: Sequence[Total]) -> list[Refusal]:
    """Return the refusals of each kind, the most frequent first, with who was refused last and has not been answered since."""
    if not totals:
        return []
    refused = (
        select(KeyClient).join(Token, Token.id == KeyClient.token_id).where(Token.key_id == key.id, KeyClient.last_code != "")
    )
    clients = session.scalars(refused.order_by(KeyClient.last_seen_at.desc())).all()
    kinds: dict[tuple[str, str], list[Total]] = {}
    for row in totals:
        kinds.setdefault((row.code, row.ability if row.code == "ability_required" else ""), []).append(row)
    found: list[Refusal] = []
    for (code, ability), rows in kinds.items():
        hour, operations = max(row.latest for row in rows), {row.operation for row in rows}
        mine = (each for each in clients if each.last_code == code and each.last_operation in operations)
        client = next((each for each in mine if each.last_seen_at >= hour), None)
        found.append(Refusal(code, ability, sum(int(row.total) for row in rows), hour, client))
    return sorted(found, key=lambda each: -each.count)


def _bars(edges: Sequence[datetime], hours: Sequence[Row[*tuple[datetime, bool, bool, int]]]) -> list[Bar]:
    counts: list[Counter[str]] = [Counter() for _ in edges[1:]]
    for hour, refused, denied, total in hours:
        place = next((number for number, ends in enumerate(edges[1:]) if hour < ends), None)
        if place is not None:
            counts[place][("denied" if denied else "mistaken") if refused else "answered"] += int(total)
    spans = zip(edges, edges[1:], counts, strict=False)
    return [Bar(begins, ends, count["answered"], count["mistaken"], count["denied"]) for begins, ends, count in spans]


def uses_by_ability(session: DbSession, key: ApiKey) -> Counter[str]:
    """Return how many requests of 30 days needed which ability, refused ones for want of it left out."""
    needed = _of(key).where(KeyUse.hour >= utcnow() - KEPT, KeyUse.code.not_in(("ability_required", *FORMER)))
    rows = session.execute(needed.with_only_columns(KeyUse.ability, _total()).group_by(KeyUse.ability))
    return Counter({row.ability: int(row.total) for row in rows})


def first_used(session: DbSession, key: ApiKey) -> datetime | None:
    """Return when the first of its tokens was used for the first time."""
    return session.scalar(select(func.min(Token.first_used_at)).where(Token.key_id == key.id))


def spare(key: ApiKey, used: Counter[str], first: datetime | None) -> Spare | None:
    """Return which abilities a key can do without; nothing before it has been in use for a week."""
    unused = [ability for ability in key.abilities if not used[ability.value]]
    if first is None or first > utcnow() - LEARNED_AFTER or not unused or len(unused) == len(key.abilities):
        return None
    return Spare(unused, used.total())


def _of(key: ApiKey) -> Select[*tuple[KeyUse]]:
    return select(KeyUse).join(Token, Token.id == KeyUse.token_id).where(Token.key_id == key.id)


def _is_denied() -> ColumnElement[bool]:
    return or_(KeyUse.status.in_(DENIALS), KeyUse.status >= FAILURES)


def _total() -> ColumnElement[int]:
    return func.sum(KeyUse.count).label("total")
