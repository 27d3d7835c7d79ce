"""Commands that copy the whole database: to a file, and back from one."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from pulse import backup as copies
from pulse.cli.base import database, load_settings
from pulse.models.event import OPERATOR, About, Event
from pulse.vault import Vault

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write everything to FILE, while Pulse runs. Only its owner can read it; it can be restored into either database."""
    settings = load_settings()
    with database(settings) as engine:
        copies.write(settings.database, file)
        with Session(engine) as session, session.begin():
            Event.record(session, "backup.made", OPERATOR, About(detail={"file": file.name}))
    click.echo(f"Wrote {file} ({file.stat().st_size:,} bytes).")
    click.echo("The credentials of monitors in it are sealed: keep the service's secret too, in another place.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--keep-sessions", is_flag=True, help="Let the browsers stay signed in that were when the backup was made.")
def restore(file: Path, *, keep_sessions: bool) -> None:
    """Fill an empty, migrated database from FILE. Keys work as they did; browsers have to sign in again."""
    settings = load_settings()
    with database(settings):
        restored = copies.read(settings.database, file, settings.folder, keep_sessions=keep_sessions, by=OPERATOR)
        sealed = copies.unreadable(settings.database, Vault(settings.secret, *settings.former_secrets))
    click.echo(f"Restored {restored.users} users, {restored.keys} keys and {restored.monitors} monitors.")
    click.echo("Keys rotated or deleted after the backup are as they were before: pulse keys revoke --before TIME ends them.")
    if sealed:
        click.echo(
            f"{sealed} monitors have credentials sealed under another secret: "
            "set PULSE_SECRET_KEY or PULSE_FORMER_SECRET_KEYS to the one the backup comes with."
        )


COMMANDS = (backup, restore)
