"""The whole database in one file, and back.

The file is an SQLite database with the same tables, whichever database it comes from: so it can be restored into either,
and one of an older version is migrated on the way.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from pulse.backup import rows
from pulse.backup.file import BadFile, checked_copy, copy_out, publish
from pulse.db import Base, connected
from pulse.models.api_key import ApiKey
from pulse.models.event import About, Actor, Event
from pulse.models.invitation import Invitation
from pulse.models.mailed_link import MailedLink
from pulse.models.monitor import Monitor
from pulse.models.outbox import Message
from pulse.models.session import BrowserSession
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.vault import Unreadable, Vault

OF_THE_MOMENT = {table.__tablename__ for table in (Invitation, MailedLink, Message, Throttle)}
"""Not restored: a link that was followed would work again, a mail that was sent would go out again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """How much a restored database holds."""

    users: int
    keys: int
    monitors: int


def write(url: str, file: Path) -> None:
    """Copy the database as it is at one moment, while others write, to a new file that its owner alone can read.

    The file appears whole or not at all; raises `BadFile` when there is one already, or it cannot be written.
    """
    try:
        with TemporaryDirectory(prefix=".pulse-backup-", dir=file.absolute().parent) as folder:
            whole = Path(folder) / "whole"
            copy_out(url, whole)
            publish(whole, file)
    except FileExistsError as error:
        raise BadFile(f"{file} already exists. Choose another name.") from error
    except OSError as error:
        raise BadFile(f"{file} cannot be written: {error.strerror}.") from error


def read(url: str, file: Path, workspace: Path, *, keep_sessions: bool, by: Actor) -> Restored:
    """Fill the migrated but empty database with what a backup holds, in one transaction; the file stays as it is.

    Raises `BadFile` before anything is touched when the file is damaged or no backup, `Refused` when there are accounts.
    """
    left_out = OF_THE_MOMENT if keep_sessions else OF_THE_MOMENT | {BrowserSession.__tablename__}
    tables = [table for table in Base.metadata.sorted_tables if table.name not in left_out]
    with TemporaryDirectory(prefix="restore-", dir=workspace) as folder:
        copy = checked_copy(file, Path(folder) / "copy")
        with connected(copy) as source_engine, connected(url) as engine:
            with source_engine.begin() as source, engine.begin() as target:
                rows.empty(target)
                rows.copy(source, target, tables)
                return _note(target, file, by)


def unreadable(url: str, vault: Vault) -> int:
    """Return how many monitors hold something that was sealed under a secret the vault does not have."""
    sealed = select(Monitor.headers_sealed, Monitor.body_sealed, Monitor.auth_sealed)
    with connected(url, read_only=True) as engine, engine.connect() as connection:
        return sum(not all(_opens(vault, each) for each in row) for row in connection.execute(sealed))


def _note(target: Connection, file: Path, by: Actor) -> Restored:
    """Write the restoring into the restored trail; return what there is."""
    with Session(target, join_transaction_mode="rollback_only") as session:
        Event.record(session, "backup.restored", by, About(detail={"file": file.name}))
        session.flush()
        users, monitors = (session.scalar(select(func.count(each.id))) or 0 for each in (User, Monitor))
        keys = session.scalar(select(func.count(ApiKey.id)).where(ApiKey.revoked_at.is_(None))) or 0
        session.commit()
    return Restored(users, keys, monitors)


def _opens(vault: Vault, sealed: bytes | None) -> bool:
    try:
        if sealed is not None:
            vault.open(sealed)
    except Unreadable:
        return False
    return True
