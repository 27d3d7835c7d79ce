"""Requests that named a token, added up and written: counts by hour, clients, and when a token was last used."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, Delete, bindparam, delete, func, or_, select, tuple_, update

from pulse.addresses import network_of
from pulse.clock import utcnow
from pulse.db import DbSession, insert_into
from pulse.models.api_key import Token
from pulse.models.key_use import KEPT, MOST_CLIENTS, KeyClient, KeyUse

STAMPED_EVERY = timedelta(minutes=1)
"""A token's last use is written at most this often; its first use at once."""
LONGEST_USER_AGENT = 200
SURROUNDINGS = (24, 48)
"""Bits of an IPv4 and of an IPv6 address that tell a network: from a new one, a use is told to the owner."""
SWEPT_AT_ONCE = 1000
COUNTED_BY = ("token_id", "hour", "operation", "status", "code")
CLIENT_BY = ("token_id", "address", "user_agent")

_stale = or_(Token.last_used_at.is_(None), Token.last_used_at <= bindparam("before"))
_first = func.coalesce(Token.first_used_at, bindparam("at"))
STAMPS = update(Token).where(Token.id == bindparam("of"), _stale).values(last_used_at=bindparam("at"), first_used_at=_first)


class Use(NamedTuple):
    """One request that named a token, live or former."""

    token_id: int
    at: datetime
    operation: str
    ability: str
    status: int
    code: str
    address: str
    user_agent: str
    live: bool
    """Whether the token was; only then does its last use move."""


Who = tuple[int, str, str]
"""A client of a token: the token's id, the address, the user agent."""


@dataclass
class Tally:
    """Uses added up, until they are written."""

    counts: dict[tuple[int, datetime, str, str, int, str], int] = field(default_factory=lambda: defaultdict[Any, int](int))
    clients: dict[Who, list[Use]] = field(default_factory=dict[Who, list[Use]])
    """The first and the last use of each client."""
    requests: dict[Who, int] = field(default_factory=lambda: defaultdict[Any, int](int))
    _clients_of: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))

    def add(self, use: Use) -> None:
        """Take one use into account."""
        hour = use.at.replace(minute=0, second=0, microsecond=0)
        self.counts[use.token_id, hour, use.operation, use.ability, use.status, use.code] += 1
        who = (use.token_id, use.address, use.user_agent)
        if (seen := self.clients.get(who)) is not None:
            seen[1] = use
        elif self._clients_of[use.token_id] < MOST_CLIENTS:
            self.clients[who] = [use, use]
            self._clients_of[use.token_id] += 1
        else:
            return
        self.requests[who] += 1

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.counts)

    @property
    def tokens(self) -> set[int]:
        """The ids of the tokens that were used."""
        return {key[0] for key in self.counts}


def record(session: DbSession, tally: Tally) -> list[KeyClient]:
    """Write a tally in the caller's transaction; return the clients that nobody had seen with their token before.

    Tokens that are gone with their account, or are going, are passed over: nobody who deletes one waits for this.
    """
    held = select(Token.id).where(Token.id.in_(tally.tokens)).with_for_update(read=True, key_share=True, skip_locked=True)
    known = set(session.scalars(held))
    counts = [
        {
            "token_id": token,
            "hour": hour,
            "operation": operation,
            "ability": ability,
            "status": status,
            "code": code,
            "count": count,
        }
        for (token, hour, operation, ability, status, code), count in sorted(tally.counts.items())
        if token in known
    ]
    if not counts:
        return []
    _add(session, KeyUse, COUNTED_BY, counts)
    seen = {who: uses for who, uses in tally.clients.items() if who[0] in known}
    new = set(seen) - _known_clients(session, known)
    _add(session, KeyClient, CLIENT_BY, [_client(seen[who], tally.requests[who]) for who in sorted(seen)])
    _forget_the_oldest(session, {token for token, *_ in new})
    return _clients(session, new)


def stamp(session: DbSession, tally: Tally) -> None:
    """Note when tokens were last used, and first.

    The last thing in its transaction: who rotates a key holds the key and then wants the token, so nobody may want the
    key after having the token.
    """
    latest: dict[int, datetime] = {}
    for use in (use for pair in tally.clients.values() for use in pair if use.live):
        latest[use.token_id] = max(use.at, latest.get(use.token_id, use.at))
    if latest:
        uses = [{"of": token_id, "at": at, "before": at - STAMPED_EVERY} for token_id, at in sorted(latest.items())]
        session.connection().execute(STAMPS, uses)


def sweep(session: DbSession) -> int:
    """Remove some of what is older than 30 days; return how much, so that the caller knows when to stop."""
    now = utcnow()
    hours = select(KeyUse.token_id, KeyUse.hour).where(KeyUse.hour < now - KEPT - timedelta(days=1)).limit(SWEPT_AT_ONCE)
    removed = 0
    for token_id, hour in {(row.token_id, row.hour) for row in session.execute(hours)}:
        removed += _removed(session, delete(KeyUse).where(KeyUse.token_id == token_id, KeyUse.hour == hour))
    gone = select(KeyClient.id).where(KeyClient.last_seen_at < now - KEPT).limit(SWEPT_AT_ONCE)
    return removed + _removed(session, delete(KeyClient).where(KeyClient.id.in_(gone)))


def _add(session: DbSession, model: type[KeyUse | KeyClient], unique: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Insert rows, or add their counts to those that are there."""
    insert = insert_into(session, model)
    newer = {name: insert.excluded[name] for name in rows[0] if name.startswith("last_")}
    count = model.count + insert.excluded["count"]
    session.connection().execute(insert.on_conflict_do_update(index_elements=unique, set_={"count": count, **newer}), rows)


def _client(uses: list[Use], count: int) -> dict[str, Any]:
    first, last = uses[0], uses[-1]
    return {
        "token_id": first.token_id,
        "address": first.address,
        "user_agent": first.user_agent,
        "network": network_of(first.address, *SURROUNDINGS),
        "first_seen_at": first.at,
        "last_seen_at": last.at,
        "count": count,
        "last_operation": last.operation,
        "last_status": last.status,
        "last_code": last.code,
    }


def _known_clients(session: DbSession, tokens: set[int]) -> set[Who]:
    query = select(KeyClient.token_id, KeyClient.address, KeyClient.user_agent).where(KeyClient.token_id.in_(tokens))
    return {(row.token_id, row.address, row.user_agent) for row in session.execute(query)}


def _forget_the_oldest(session: DbSession, tokens: set[int]) -> None:
    """Keep of each token the clients that were seen last."""
    for token_id in sorted(tokens):
        mine = select(KeyClient.id).where(KeyClient.token_id == token_id)
        kept = mine.order_by(KeyClient.last_seen_at.desc(), KeyClient.id.desc()).limit(MOST_CLIENTS)
        session.execute(delete(KeyClient).where(KeyClient.token_id == token_id, KeyClient.id.not_in(kept)))


def _clients(session: DbSession, these: set[Who]) -> list[KeyClient]:
    if not these:
        return []
    who = tuple_(KeyClient.token_id, KeyClient.address, KeyClient.user_agent)
    return list(session.scalars(select(KeyClient).where(who.in_(these)).order_by(KeyClient.id)))


def _removed(session: DbSession, statement: Delete) -> int:
    result = session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0
