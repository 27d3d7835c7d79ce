"""Requests that named a token, added up and written: counts by hour, clients, and when a token was last used."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, Delete, bindparam, delete, func, or_, select, tuple_, update

from pulse.addresses import network_of
from pulse.batch import Batch
from pulse.clock import utcnow
from pulse.db import INSERTS, DbSession
from pulse.models.key_use import KEPT, MOST_CLIENTS, KeyClient, KeyUse
from pulse.models.token import Token

STAMPED_EVERY = timedelta(minutes=1)
"""A token's last use is written at most this often; its first use at once."""
LONGEST_USER_AGENT = 200
SURROUNDINGS = (24, 48)
"""Bits of an IPv4 and of an IPv6 address that tell a network: from a new one, a use is told to the owner."""
AT_ONCE = 1000
"""How many counts, or clients, make a part of a tally full: no database takes any number of values in a statement, and
nobody should wait long for a transaction."""
SWEPT_AT_ONCE = 1000

HELD = (
    select(Token.id)
    .where(Token.id.in_(bindparam("ids", expanding=True)))
    .order_by(Token.id)
    .with_for_update(read=True, key_share=True, skip_locked=True)
)
_of_tokens = KeyClient.token_id.in_(bindparam("ids", expanding=True))
KNOWN = select(KeyClient.token_id, KeyClient.address, KeyClient.user_agent).where(_of_tokens)
_stale = or_(Token.last_used_at.is_(None), Token.last_used_at <= bindparam("before"))
_first = func.coalesce(Token.first_used_at, bindparam("at"))
_stamped = update(Token).where(Token.id == bindparam("of"), _stale).values(last_used_at=bindparam("at"), first_used_at=_first)
STAMPS = Batch(dict.fromkeys(INSERTS, _stamped))


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


What = tuple[datetime, str, str, int, str]
"""What a token's requests are counted by: hour, operation, ability, status, code."""
Client = tuple[str, str]
"""Which of a token's clients: the address, the user agent."""
Who = tuple[int, str, str]
"""A client of a token: the token's id, the address, the user agent."""


class Seen:
    """What is noted of a client: when it came first, its last use, and how many there were."""

    __slots__ = ("count", "first_at", "last")

    def __init__(self, use: Use) -> None:
        self.first_at = use.at
        self.last = use
        self.count = 1


class Uses:
    """The uses of one token, added up."""

    __slots__ = ("clients", "counts", "last_live_at")

    def __init__(self) -> None:
        self.counts: dict[What, int] = {}
        self.clients: dict[Client, Seen] = {}
        self.last_live_at: datetime | None = None
        """When the token was last used while it was live."""

    def add(self, use: Use) -> None:
        """Take one use into account."""
        what = (use.at.replace(minute=0, second=0, microsecond=0), use.operation, use.ability, use.status, use.code)
        self.counts[what] = self.counts.get(what, 0) + 1
        if use.live and (self.last_live_at is None or use.at > self.last_live_at):
            self.last_live_at = use.at
        client = (use.address, use.user_agent)
        if (seen := self.clients.get(client)) is not None:
            seen.last = use
            seen.count += 1
        elif len(self.clients) < MOST_CLIENTS:
            self.clients[client] = Seen(use)


@dataclass
class Tally:
    """Uses added up by token, until they are written."""

    by_token: dict[int, Uses] = field(default_factory=lambda: defaultdict[int, Uses](Uses))
    counts: int = 0
    """How many counts the tokens have together."""

    def add(self, use: Use) -> None:
        """Take one use into account."""
        uses = self.by_token[use.token_id]
        before = len(uses.counts)
        uses.add(use)
        self.counts += len(uses.counts) - before

    def parts(self) -> Iterator["Tally"]:
        """Yield parts to be written in a transaction each; all uses of a token are in the same one.

        They are parted in the order of the tokens, as their rows lie: so few pages of the database are written twice.
        """
        part, clients = Tally(), 0
        for token_id in sorted(self.by_token):
            uses = part.by_token[token_id] = self.by_token[token_id]
            part.counts += len(uses.counts)
            clients += len(uses.clients)
            if max(part.counts, clients) >= AT_ONCE:
                yield part
                part, clients = Tally(), 0
        if part:
            yield part

    def remove(self, part: "Tally") -> None:
        """Take out a part that is done with."""
        for token_id in part.by_token:
            del self.by_token[token_id]
        self.counts -= part.counts

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.by_token)

    @property
    def requests(self) -> int:
        """How many uses were added up."""
        return sum(sum(uses.counts.values()) for uses in self.by_token.values())


def record(session: DbSession, part: Tally) -> list[KeyClient]:
    """Write a part of a tally in the caller's transaction; return the clients that nobody had seen with their token before.

    Tokens that are gone with their account, or are going, are passed over: nobody who deletes one waits for this.
    """
    connection = session.connection()
    known = {token_id: part.by_token[token_id] for token_id in connection.scalars(HELD, {"ids": list(part.by_token)})}
    if not known:
        return []
    counts = [_count(token_id, *each) for token_id, uses in known.items() for each in sorted(uses.counts.items())]
    ADD_COUNTS.write(connection, counts)
    seen = {(token_id, *client): each for token_id, uses in known.items() for client, each in sorted(uses.clients.items())}
    new = set(seen) - {tuple(row) for row in connection.execute(KNOWN, {"ids": list(known)})}
    ADD_CLIENTS.write(connection, [_client(each) for each in seen.values()])
    _forget_the_oldest(session, {token for token, *_ in new})
    return _clients(session, new)


def stamp(session: DbSession, part: Tally) -> None:
    """Note when tokens were last used, and first.

    The last thing in its transaction: who rotates a key holds the key and then wants the token, so nobody may want the
    key after having the token.
    """
    latest = [(token_id, part.by_token[token_id].last_live_at) for token_id in sorted(part.by_token)]
    if uses := [{"of": token_id, "at": at, "before": at - STAMPED_EVERY} for token_id, at in latest if at]:
        STAMPS.write(session.connection(), uses)


def sweep(session: DbSession) -> int:
    """Remove some of what is older than 30 days; return how much, so that the caller knows when to stop."""
    now = utcnow()
    hours = select(KeyUse.token_id, KeyUse.hour).where(KeyUse.hour < now - KEPT - timedelta(days=1)).limit(SWEPT_AT_ONCE)
    removed = 0
    for token_id, hour in {(row.token_id, row.hour) for row in session.execute(hours)}:
        removed += _removed(session, delete(KeyUse).where(KeyUse.token_id == token_id, KeyUse.hour == hour))
    gone = select(KeyClient.id).where(KeyClient.last_seen_at < now - KEPT).limit(SWEPT_AT_ONCE)
    return removed + _removed(session, delete(KeyClient).where(KeyClient.id.in_(gone)))


def _count(token_id: int, what: What, count: int) -> dict[str, Any]:
    hour, operation, ability, status, code = what
    return {
        "token_id": token_id,
        "hour": hour,
        "operation": operation,
        "ability": ability,
        "status": status,
        "code": code,
        "count": count,
    }


def _client(seen: Seen) -> dict[str, Any]:
    last = seen.last
    return {
        "token_id": last.token_id,
        "address": last.address,
        "user_agent": last.user_agent,
        "network": network_of(last.address, *SURROUNDINGS),
        "first_seen_at": seen.first_at,
        "last_seen_at": last.at,
        "count": seen.count,
        "last_operation": last.operation,
        "last_status": last.status,
        "last_code": last.code,
    }


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


def _add(insert: Any, unique: tuple[str, ...]) -> Any:
    """Return what inserts rows, or adds their counts to those that are there."""
    newer = {column.name: insert.excluded[column.name] for column in insert.table.c if column.name.startswith("last_")}
    count = insert.table.c["count"] + insert.excluded["count"]
    return insert.on_conflict_do_update(index_elements=unique, set_={"count": count, **newer})


COUNTED_BY = ("token_id", "hour", "operation", "status", "code")
CLIENT_BY = ("token_id", "address", "user_agent")
ADD_COUNTS = Batch({database: _add(insert(KeyUse), COUNTED_BY) for database, insert in INSERTS.items()})
ADD_CLIENTS = Batch({database: _add(insert(KeyClient), CLIENT_BY) for database, insert in INSERTS.items()})
