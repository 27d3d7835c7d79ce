"""What the app is plugged together from, and the services a process has one of."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect

from pulse.addresses import AddressGuard
from pulse.config import Settings
from pulse.db import Base
from pulse.passwords import Passwords
from pulse.reading import Reader
from pulse.request_ids import RequestIds
from pulse.vault import Vault

db = SQLAlchemy(metadata=Base.metadata)
"""Engine and request-scoped session; the models stand on `pulse.db.Base`."""

csrf = CSRFProtect()
login_manager = LoginManager()
# Sessions are rows of ours; its own protection would only write into the cookie, by the browser's name.
login_manager.session_protection = None


@dataclass(frozen=True)
class Services:
    """What every part of one process shares."""

    settings: Settings
    reader: Reader
    passwords: Passwords
    vault: Vault
    guard: AddressGuard
    request_ids: RequestIds

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Build them from the settings."""
        secrets = (settings.secret, *settings.former_secrets)
        return cls(
            settings=settings,
            reader=Reader(settings.database, settings.threads),
            passwords=Passwords(settings.password_cost),
            vault=Vault(*secrets),
            guard=AddressGuard(settings.allowed_networks),
            request_ids=RequestIds(*secrets),
        )


def services() -> Services:
    """Return those of the current app."""
    return cast("Services", current_app.extensions["pulse"])
