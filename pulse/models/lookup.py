"""How support finds the account behind whatever a user can tell it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from pulse import names, tokens
from pulse.db import DbSession
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.token import Token
from pulse.models.user import User
from pulse.request_ids import Asked, Kind, RequestIds

MOST = 50


@dataclass(frozen=True, slots=True)
class Found:
    """An account, and by what it was found: words that may be shown and logged."""

    user: User
    by: str


def find_accounts(session: DbSession, text: str, request_ids: RequestIds) -> list[Found]:
    """Return the accounts that an e-mail, key name, last eight, key id, request id or whole token leads to.

    A token is only ever digested here: it is neither stored nor told in what is returned.
    """
    sought = text.strip()
    if tokens.is_well_formed(sought):
        return _distinct(_by_token(session, sought))
    ways = (_by_email, _by_key, _by_last_eight)
    told = chain.from_iterable(look(session, sought) for look in ways)
    return _distinct(chain(told, _by_request_id(session, sought, request_ids)))


def acting_keys(session: DbSession, events: Sequence[Event]) -> dict[int, str]:
    """Return the names of the keys that acted in some events, by their ids; whosever they are, and revoked ones too."""
    acted = {event.actor_key_id for event in events}
    return {row.id: row.name for row in session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(acted)))}


def _by_token(session: DbSession, token: str) -> Iterator[Found]:
    query = select(Token).where(Token.digest == tokens.digest(token)).options(joinedload(Token.key))
    if (row := session.scalar(query)) is not None:
        state = f"former, {row.reason}" if row.retired_at else "live"
        yield Found(row.key.user, f"token …{row.last_eight} ({state}) of the key {row.key.name}")


def _by_email(session: DbSession, text: str) -> Iterator[Found]:
    if user := User.by_email(session, text):
        yield Found(user, "email")


def _by_key(session: DbSession, text: str) -> Iterator[Found]:
    condition = ApiKey.name_folded == names.fold(text)
    if names.ID.fullmatch(text):
        condition |= ApiKey.id == int(text)
    query = select(ApiKey).where(condition).order_by(ApiKey.id.desc()).limit(MOST).options(joinedload(ApiKey.user))
    for key in session.scalars(query):
        yield Found(key.user, f"key {key.name}, id {key.id}")


def _by_last_eight(session: DbSession, text: str) -> Iterator[Found]:
    query = select(Token).where(Token.last_eight == text.lstrip("…. ")).order_by(Token.id.desc()).limit(MOST)
    for row in session.scalars(query.options(joinedload(Token.key).joinedload(ApiKey.user))):
        yield Found(row.key.user, f"token …{row.last_eight} of the key {row.key.name}")


def _by_request_id(session: DbSession, text: str, request_ids: RequestIds) -> Iterator[Found]:
    asked = request_ids.read(text.lower())
    user = _who_asked(session, asked) if asked else None
    if user is None:
        query = select(Event).where(Event.request_id == text.lower(), Event.user_id.is_not(None)).limit(1)
        event = session.scalar(query)
        user = session.get(User, event.user_id) if event else None
    if user is not None:
        yield Found(user, f"request {text.lower()}")


def _who_asked(session: DbSession, asked: Asked) -> User | None:
    if asked.kind is Kind.USER:
        return session.get(User, asked.number)
    token = session.get(Token, asked.number) if asked.kind is Kind.TOKEN else None
    return token.key.user if token else None


def _distinct(found: Iterator[Found]) -> list[Found]:
    """Keep the first of each account: the surest way it was found."""
    first: dict[int, Found] = {}
    for each in found:
        first.setdefault(each.user.id, each)
    return list(first.values())
