"""Who sends a key's tokens: what a rotation or deletion breaks, who has moved to a new one, who still knocks with an old one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select

from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models.api_key import ApiKey
from pulse.models.key_use import FORMER, KEPT, KeyClient, KeyUse
from pulse.models.token import Reason, Token

LATELY = timedelta(days=1)
EXPECTED_WITHIN = timedelta(days=7)
"""A client that had not been seen for so long when its token was replaced is not expected to move."""
MOST_SHOWN = 100
"""How many clients a key's page shows: those seen last."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What hangs on a key, whichever of its tokens was sent: its last 24 hours."""

    requests: int
    """With whatever token was the current one then."""
    refused: int
    """How many of them ended in a problem; nothing breaks for these."""
    operations: list[tuple[str, int]]
    """What was answered, the most frequent first."""
    clients: list[KeyClient]
    """Who would have to be given a new token, the latest first."""
    knocking: list[KeyClient]
    """Who still sends a former token, and is refused already."""


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


def lately(session: DbSession, key: ApiKey) -> Lately:
    """Return what a rotation or deletion would break."""
    since = utcnow() - LATELY
    # The hour that the 24th before now falls in counts whole: rather a few too many than a live client overlooked.
    hours = KeyUse.hour >= since.replace(minute=0, second=0, microsecond=0)
    counted = select(KeyUse.operation, KeyUse.code, func.sum(KeyUse.count).label("total")).join(
        Token, Token.id == KeyUse.token_id
    )
    mine = counted.where(Token.key_id == key.id, hours, KeyUse.code.not_in(FORMER)).group_by(KeyUse.operation, KeyUse.code)
    answered, refused = Counter[str](), 0
    for row in session.execute(mine):
        if row.code:
            refused += int(row.total)
        else:
            answered[row.operation] += int(row.total)
    seen = {each.who: each for each in reversed(clients(session, key)) if each.last_seen_at >= since}
    latest = sorted(seen.values(), key=lambda each: (each.last_seen_at, each.id), reverse=True)
    return Lately(
        answered.total() + refused,
        refused,
        answered.most_common(),
        [each for each in latest if each.last_code not in FORMER],
        [each for each in latest if each.last_code in FORMER],
    )


def clients(session: DbSession, key: ApiKey) -> list[KeyClient]:
    """Return who sends the key's tokens, former ones too, the latest first."""
    query = select(KeyClient).join(Token, Token.id == KeyClient.token_id).where(Token.key_id == key.id)
    return list(session.scalars(query.order_by(KeyClient.last_seen_at.desc(), KeyClient.id.desc()).limit(MOST_SHOWN)))


def knocking(session: DbSession, key: ApiKey) -> dict[int, Knocking]:
    """Return who still knocks with former tokens, by their ids."""
    counted = select(KeyUse.token_id, func.sum(KeyUse.count).label("total")).join(Token, Token.id == KeyUse.token_id)
    tries = counted.where(Token.key_id == key.id, KeyUse.code.in_(FORMER)).group_by(KeyUse.token_id)
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


def arrived(session: DbSession, token_id: int) -> KeyClient | None:
    """Return the client that first sent a token, once one has."""
    return session.scalar(select(KeyClient).where(KeyClient.token_id == token_id).order_by(KeyClient.id).limit(1))
