"""What can be told of a key's use: how often, by whom, for what, what was refused, and what a rotation or deletion breaks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models.api_key import ApiKey, Reason, Token
from pulse.models.key_use import KEPT, KeyClient, KeyUse

LATELY = timedelta(days=1)
LEARNED_AFTER = timedelta(days=7)
"""How long a key must have been in use before it is said which of its abilities it does not need."""
EXPECTED_WITHIN = timedelta(days=7)
"""A client that had not been seen for so long when its token was replaced is not expected to move."""
FORMER = ("token_rotated", "token_deleted")
"""What is answered to former tokens."""


class Span(StrEnum):
    """How far back a picture goes."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def label(self) -> str:
        """What people read."""
        return {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}[self.value]

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
    refused: int

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
    def most(self) -> int:
        """The height of the highest bar."""
        return max((bar.total for bar in self.bars), default=0)


@dataclass(frozen=True, slots=True)
class Lately:
    """What hangs on a key: its last 24 hours, with whatever token was the current one then."""

    requests: int
    refused: int
    """How many of them were."""
    operations: list[tuple[str, int]]
    clients: list[KeyClient]
    """Those seen in that time, the latest first."""
    knocking: list[KeyClient]
    """Those that sent nothing but a former token any more."""

    @property
    def last(self) -> KeyClient | None:
        """The client that was seen last."""
        return self.clients[0] if self.clients else None


@dataclass(slots=True)
class Move:
    """How far a key's clients have come from its former tokens to the new one."""

    clients: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    moved: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    waiting: list[KeyClient] = field(default_factory=list[KeyClient])

    @property
    def done(self) -> bool:
        """Whether all have moved."""
        return not self.waiting


@dataclass(frozen=True, slots=True)
class Knocking:
    """Tries with a former token since it was retired."""

    tries: int
    last: KeyClient | None


@dataclass(frozen=True, slots=True)
class Spare:
    """Abilities that a key holds and has not used."""

    abilities: list[Ability]
    requests: int
    """In 30 days, or since its first use; none of them would have been refused without these abilities."""


def lately(session: DbSession, key: ApiKey) -> Lately:
    """Return what a rotation or deletion would break."""
    since = utcnow() - LATELY
    # The hour that the 24th before now falls in counts whole: rather a few too many than a live client overlooked.
    hours = KeyUse.hour >= since.replace(minute=0, second=0, microsecond=0)
    refused = (KeyUse.code != "").label("refused")
    counted = _of(key).where(hours, KeyUse.code.not_in(FORMER)).with_only_columns(KeyUse.operation, refused, _total())
    totals: Counter[str] = Counter()
    failed = 0
    for row in session.execute(counted.group_by(KeyUse.operation, refused)):
        totals[row.operation] += int(row.total)
        failed += int(row.total) if row.refused else 0
    seen = select(KeyClient).join(Token, Token.id == KeyClient.token_id).where(Token.key_id == key.id)
    latest = session.scalars(
        seen.where(KeyClient.last_seen_at >= since).order_by(KeyClient.last_seen_at.desc(), KeyClient.id.desc())
    )
    working: dict[tuple[str, str], KeyClient] = {}
    knocking: dict[tuple[str, str], KeyClient] = {}
    for client in latest:
        (knocking if client.last_code in FORMER else working).setdefault(client.who, client)
    left = [client for who, client in knocking.items() if who not in working]
    return Lately(totals.total(), failed, totals.most_common(), list(working.values()), left)


def refused_lately(session: DbSession, keys: Sequence[ApiKey]) -> dict[int, int]:
    """Return how many requests of each key were refused in the last 24 hours, by its id; former tokens' tries apart."""
    counted = select(Token.key_id, _total()).join(KeyUse, KeyUse.token_id == Token.id).group_by(Token.key_id)
    mine = counted.where(Token.key_id.in_([key.id for key in keys]), KeyUse.hour >= utcnow() - LATELY)
    return {row.key_id: int(row.total) for row in session.execute(mine.where(KeyUse.code.not_in(("", *FORMER))))}


def requests_lately(session: DbSession, keys: Sequence[ApiKey]) -> dict[int, int]:
    """Return how many requests each key has had in the last 24 hours, by its id."""
    counted = select(Token.key_id, _total()).join(KeyUse, KeyUse.token_id == Token.id).group_by(Token.key_id)
    mine = counted.where(Token.key_id.in_([key.id for key in keys]), KeyUse.hour >= utcnow() - LATELY)
    return {row.key_id: int(row.total) for row in session.execute(mine)}


def activity(session: DbSession, key: ApiKey, span: Span, zone: tzinfo) -> Activity:
    """Return a key's requests over `span`, drawn in the person's zone."""
    edges = span.edges(zone)
    mine = _of(key).where(KeyUse.hour >= edges[0])
    refused = (KeyUse.code != "").label("refused")
    hours = session.execute(mine.with_only_columns(KeyUse.hour, refused, _total()).group_by(KeyUse.hour, refused)).all()
    kinds = (KeyUse.operation, KeyUse.ability, KeyUse.code)
    totals = session.execute(mine.with_only_columns(*kinds, _total()).group_by(*kinds)).all()
    operations: Counter[tuple[str, str]] = Counter()
    refusals: Counter[tuple[str, str]] = Counter()
    for row in totals:
        operations[row.operation, row.ability] += int(row.total)
        if row.code:
            refusals[row.code, row.ability if row.code == "ability_required" else ""] += int(row.total)
    return Activity(
        _bars(edges, hours),
        [(operation, ability, count) for (operation, ability), count in operations.most_common()],
        [Refusal(code, ability, count) for (code, ability), count in refusals.most_common()],
    )


def _bars(edges: Sequence[datetime], hours: Sequence[Row[*tuple[datetime, bool, int]]]) -> list[Bar]:
    counts: list[Counter[bool]] = [Counter() for _ in edges[1:]]
    for hour, refused, total in hours:
        place = next((number for number, ends in enumerate(edges[1:]) if hour < ends), None)
        if place is not None:
            counts[place][bool(refused)] += int(total)
    spans = zip(edges, edges[1:], counts, strict=False)
    return [Bar(begins, ends, count[False], count[True]) for begins, ends, count in spans]


def clients(session: DbSession, key: ApiKey) -> list[KeyClient]:
    """Return who sends the current token, the latest first."""
    query = select(KeyClient).where(KeyClient.token_id == key.token.id)
    return list(session.scalars(query.order_by(KeyClient.last_seen_at.desc(), KeyClient.id.desc())))


def knocking(session: DbSession, key: ApiKey) -> dict[int, Knocking]:
    """Return who still knocks with former tokens, by their ids."""
    tries = _of(key).where(KeyUse.code.in_(FORMER)).with_only_columns(KeyUse.token_id, _total()).group_by(KeyUse.token_id)
    counts = {row.token_id: int(row.total) for row in session.execute(tries)}
    latest = select(KeyClient).where(KeyClient.token_id.in_(counts), KeyClient.last_code.in_(FORMER))
    last = {each.token_id: each for each in session.scalars(latest.order_by(KeyClient.last_seen_at))}
    return {token_id: Knocking(count, last.get(token_id)) for token_id, count in counts.items()}


def moves(session: DbSession, keys: Sequence[ApiKey]) -> dict[int, Move]:
    """Return, by key, how far the clients of former tokens have moved to the current one; of keys where that is of interest.

    Of interest are tokens replaced within 30 days, and since the owner last said that enough was known.
    """
    tracked = (
        Token.reason == Reason.ROTATED.value,
        Token.retired_at > utcnow() - KEPT,
        or_(ApiKey.moves_dismissed_at.is_(None), Token.retired_at > ApiKey.moves_dismissed_at),
    )
    rotated = select(Token.key_id).join(ApiKey, ApiKey.id == Token.key_id).where(*tracked)
    candidates = set(session.scalars(rotated.where(Token.key_id.in_([key.id for key in keys]))))
    if not candidates:
        return {}
    of_interest = or_(Token.retired_at.is_(None), and_(*tracked))
    query = select(KeyClient, Token.key_id, Token.retired_at).join(Token, Token.id == KeyClient.token_id)
    query = query.join(ApiKey, ApiKey.id == Token.key_id).where(Token.key_id.in_(candidates), of_interest)
    found: dict[int, Move] = {}
    # The current token's clients come first: whoever is among them has moved.
    for client, key_id, retired_at in session.execute(query.order_by(Token.id.desc(), KeyClient.last_seen_at.desc())):
        _note(found.setdefault(key_id, Move()), client, retired_at)
    return {key_id: move for key_id, move in found.items() if move.clients}


def _note(move: Move, client: KeyClient, retired_at: datetime | None) -> None:
    if retired_at is None:
        move.moved.add(client.who)
    elif client.last_seen_at >= retired_at - EXPECTED_WITHIN and client.who not in move.clients:
        move.clients.add(client.who)
        if client.who not in move.moved:
            move.waiting.append(client)


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


def arrived(session: DbSession, token_id: int) -> KeyClient | None:
    """Return the client that first sent a token, once one has."""
    return session.scalar(select(KeyClient).where(KeyClient.token_id == token_id).order_by(KeyClient.id).limit(1))


def _of(key: ApiKey) -> Select[*tuple[KeyUse]]:
    return select(KeyUse).join(Token, Token.id == KeyUse.token_id).where(Token.key_id == key.id)


def _total() -> ColumnElement[int]:
    return func.sum(KeyUse.count).label("total")
