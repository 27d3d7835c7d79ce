"""Commands that copy the whole database: to a file, and back from one."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from pulse import backup
from pulse.cli.base import database, load_settings
from pulse.models.event import OPERATOR, About, Event
from pulse.vault import Vault

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("backup")
@click.argument("file", type=FILE)
def back_up(file: Path) -> None:
    """Back up everything to FILE, even while Pulse runs. Only the file's owner can read it; restores into either database."""
    settings = load_settings()
    with database(settings) as engine:
        backup.write(settings.database, file)
        with Session(engine) as session, session.begin():
            Event.record(session, "backup.made", OPERATOR, About(detail={"file": file.name}))
    click.echo(f"Wrote {file} ({file.stat().st_size:,} bytes).")
    click.echo("The monitors' credentials in it are encrypted: keep the service's secret as well, in a separate place.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--keep-sessions", is_flag=True, help="Keep browsers signed in that were signed in when the backup was made.")
def restore(file: Path, *, keep_sessions: bool) -> None:
    """Restore FILE into an empty, migrated database. Keys work as they did; people have to sign in again."""
    settings = load_settings()
    with database(settings):
        restored = backup.read(settings.database, file, settings.folder, keep_sessions=keep_sessions, by=OPERATOR)
        sealed = backup.unreadable(settings.database, Vault(settings.secret, *settings.former_secrets))
    counts = ((restored.users, "user"), (restored.keys, "key"), (restored.monitors, "monitor"))
    users, keys, monitors = (f"{number:,} {noun}{'' if number == 1 else 's'}" for number, noun in counts)
    click.echo(f"Restored {users}, {keys} and {monitors}.")
    click.echo("Tokens that were rotated or deleted after the backup work again. To revoke them: pulse keys revoke --before TIME")
    if sealed:
        has = "1 monitor has" if sealed == 1 else f"{sealed:,} monitors have"
        click.echo(
            f"{has} credentials sealed under another secret: "
            "set PULSE_SECRET_KEY or PULSE_FORMER_SECRET_KEYS to the one in use when the backup was made."
        )


COMMANDS = (back_up, restore)
