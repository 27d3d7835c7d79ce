"""What a key's owner is told without having done anything: that it runs out, and that it is used from somewhere new."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import joinedload

from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models import key_mail
from pulse.models.api_key import DAYS_BEFORE, ApiKey
from pulse.models.key_use import KEPT, KeyClient, KeyUse
from pulse.models.token import Token

NETWORKS_EVERY = timedelta(days=1)
"""How often a key's owner is told of new networks: build machines change theirs all the time."""


def expiring(session: DbSession) -> list[int]:
    """Return the ids of the keys whose owners are to be told that they run out; only reads."""
    now = utcnow()
    # Long past, as after an outage of the checker: too late to be of use.
    bounds = [now + timedelta(days=days) for days in DAYS_BEFORE] + [now - timedelta(days=1)]
    due = [
        and_(ApiKey.expires_at <= bounds[at], ApiKey.expires_at > bounds[at + 1], _untold(days))
        for at, days in enumerate(DAYS_BEFORE)
    ]
    return list(session.scalars(select(ApiKey.id).where(ApiKey.revoked_at.is_(None), or_(*due)).order_by(ApiKey.id)))


def tell_of_expiry(session: DbSession, key_ids: Sequence[int]) -> int:
    """Queue the mails on these keys, of those that are still to be told; return how many."""
    query = select(ApiKey).where(ApiKey.id.in_(key_ids)).options(joinedload(ApiKey.token), joinedload(ApiKey.user))
    return sum(_tell_of_expiry(session, key) for key in session.scalars(query.order_by(ApiKey.id)).all())


def _tell_of_expiry(session: DbSession, key: ApiKey) -> bool:
    if key.expires_at is None:
        return False
    left = key.expires_at - utcnow()
    stage = min((days for days in DAYS_BEFORE if left <= timedelta(days=days)), default=DAYS_BEFORE[0])
    mine = (ApiKey.id == key.id, ApiKey.expires_at == key.expires_at, ApiKey.revoked_at.is_(None))
    told = update(ApiKey).where(*mine, _untold(stage)).values(expiry_told=stage).returning(ApiKey.id)
    if session.execute(told, execution_options={"synchronize_session": False}).first() is None:
        return False
    key_mail.expiring(session, key, left, _use(session, key))
    return True


def _untold(days: int) -> ColumnElement[bool]:
    return or_(ApiKey.expiry_told.is_(None), ApiKey.expiry_told > days)


def _use(session: DbSession, key: ApiKey) -> str:
    lately = select(func.sum(KeyUse.count)).join(Token, Token.id == KeyUse.token_id)
    count = session.scalar(lately.where(Token.key_id == key.id, KeyUse.hour >= utcnow() - KEPT)) or 0
    last = key.token.last_used_at
    return f"{count:,} requests in the last 30 days" + (f", the last on {last:%Y-%m-%d}" if last else "")


def tell_of_new_networks(session: DbSession, clients: Iterable[KeyClient]) -> None:
    """Queue a mail for each key whose live token came from a network that none of its clients had been in.

    A key's very first network is no news; and a key's owner hears of further ones at most once a day.
    """
    for client in clients:
        live = (Token.id == client.token_id, Token.retired_at.is_(None))
        key = session.scalar(select(ApiKey).join(Token, Token.key_id == ApiKey.id).where(*live).options(joinedload(ApiKey.token)))
        if key is None or client.last_status == 401:
            continue
        others = select(KeyClient.network).join(Token, Token.id == KeyClient.token_id)
        networks = set(session.scalars(others.where(Token.key_id == key.id, KeyClient.id != client.id)))
        if networks and client.network not in networks and _may_tell(session, key):
            key_mail.used_from_new_network(session, key, client)


def _may_tell(session: DbSession, key: ApiKey) -> bool:
    now = utcnow()
    quiet = or_(ApiKey.network_told_at.is_(None), ApiKey.network_told_at <= now - NETWORKS_EVERY)
    told = update(ApiKey).where(ApiKey.id == key.id, quiet).values(network_told_at=now).returning(ApiKey.id)
    return session.execute(told, execution_options={"synchronize_session": False}).first() is not None
