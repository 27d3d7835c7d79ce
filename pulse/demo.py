"""The demo account of a first start: something to look at before anything is set up."""

import secrets
from dataclasses import dataclass, field

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session, sessionmaker

from pulse.addresses import AddressGuard
from pulse.config import Settings
from pulse.db import connected, is_sqlite
from pulse.models.event import OPERATOR
from pulse.models.monitor import Monitor
from pulse.models.monitor_fields import MonitorFields
from pulse.models.user import User
from pulse.passwords import Passwords
from pulse.plans import Plan
from pulse.vault import Vault

EMAIL = "demo@example.com"
LOCK = 7_205_202
"""A number of our own for PostgreSQL's advisory lock."""

MONITORS: tuple[MonitorFields, ...] = (
    {"name": "example.com", "url": "https://example.com/", "interval_seconds": 60},
    {"name": "IANA", "url": "https://www.iana.org/", "interval_seconds": 300},
    {
        "name": "A page that is not there (404 expected)",
        "url": "https://example.com/not-there",
        "interval_seconds": 300,
        "expected_status": 404,
    },
)


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo account and its password, which is stored nowhere: show it once."""

    email: str
    password: str = field(repr=False)


def make(settings: Settings) -> Demo | None:
    """Make the demo account, unless the database has accounts; of several processes at once exactly one makes it."""
    with connected(settings.database) as engine:
        sessions = sessionmaker(engine)
        with sessions.begin() as session:
            if _has_accounts(session):
                return None
        password = secrets.token_urlsafe(12)
        # Hashing takes a quarter second, in which no transaction may be open.
        password_hash = Passwords(settings.password_cost).hash(password)
        with sessions.begin() as session:
            made = _sign_up(session, settings, password_hash)
        return Demo(EMAIL, password) if made else None


def _sign_up(session: Session, settings: Settings, password_hash: str) -> bool:
    if not is_sqlite(session):
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
    if _has_accounts(session):
        return False
    user = User.sign_up(session, name="Demo", email=EMAIL, password_hash=password_hash, plan=Plan.PROFESSIONAL, by=OPERATOR)
    vault, guard = Vault(settings.secret, *settings.former_secrets), AddressGuard(settings.allowed_networks)
    for fields in MONITORS:
        Monitor.create(session, user.memberships[0].team, fields, vault=vault, guard=guard, by=OPERATOR)
    return True


def _has_accounts(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(User.id.is_not(None)))))
