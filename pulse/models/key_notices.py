"""What a key's owner is told without having done anything: that it runs out, and that it is used from somewhere new."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import joinedload

from pulse.clock import utcnow
from pulse.db import DbSession
from pulse.models import key_mail
from pulse.models.api_key import ApiKey, Token
from pulse.models.key_use import KEPT, KeyClient, KeyUse

DAYS_BEFORE = (30, 7, 1, 0)
"""When a mail says that a key expires; each once, and none that lies before the token was issued."""
NETWORKS_EVERY = timedelta(days=1)
"""How often a key's owner is told of new networks: build machines change theirs all the time."""


def tell_of_expiry(session: DbSession) -> int:
    """Queue the mails on keys that run out; return how many."""
    now = utcnow()
    soon = (ApiKey.revoked_at.is_(None), ApiKey.expires_at <= now + timedelta(days=DAYS_BEFORE[0]))
    # Long past, as after an outage of the checker: too late to be of use.
    fresh = ApiKey.expires_at > now - timedelta(days=1)
    query = select(ApiKey).where(*soon, fresh).where(or_(ApiKey.expiry_told.is_(None), ApiKey.expiry_told > 0))
    return sum(_tell_of_expiry(session, key) for key in session.scalars(query.order_by(ApiKey.id)).all())


def _tell_of_expiry(session: DbSession, key: ApiKey) -> bool:
    if key.expires_at is None:
        return False
    left = key.expires_at - utcnow()
    stage = min(days for days in DAYS_BEFORE if left <= timedelta(days=days) or days == DAYS_BEFORE[0])
    span = key.expires_at - key.token.issued_at
    if span <= timedelta(days=stage) or (key.expiry_told is not None and key.expiry_told <= stage):
        return False
    mine = (ApiKey.id == key.id, ApiKey.expires_at == key.expires_at, ApiKey.revoked_at.is_(None))
    untold = or_(ApiKey.expiry_told.is_(None), ApiKey.expiry_told > stage)
    told = update(ApiKey).where(*mine, untold).values(expiry_told=stage).returning(ApiKey.id)
    if session.execute(told, execution_options={"synchronize_session": False}).first() is None:
        return False
    key_mail.expiring(session, key, max(0, -(-left // timedelta(days=1))) if stage else 0, _use(session, key))
    return True


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
