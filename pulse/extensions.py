"""What the app is plugged together from, and the services a process has one of."""

from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, cast

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

if TYPE_CHECKING:
    from pulse.api.limits import Limiter
    from pulse.api.uses import UseWriter
    from pulse.bodies import Bodies

db = SQLAlchemy(metadata=Base.metadata)
"""Engine and request-scoped session; the models stand on `pulse.db.Base`."""

csrf = CSRFProtect()
login_manager = LoginManager()
# Sessions are rows of ours; its own protection would only write into the cookie, by the browser's name.
login_manager.session_protection = None


@dataclass(frozen=True)
class Services:
    """What every part of one process shares; `app.services_of` puts it together."""

    settings: Settings
    reader: Reader
    passwords: Passwords
    vault: Vault
    guard: AddressGuard
    request_ids: RequestIds
    bodies: "Bodies"
    limiter: "Limiter"
    uses: "UseWriter"
    manual_checks: BoundedSemaphore
    """A seat for each manual check that may run at once."""


def services() -> Services:
    """Return those of the current app."""
    return cast("Services", current_app.extensions["pulse"])
