"""Commands that run the service: web, checker, both together; and the migrations before them."""

import os
import signal
from threading import Thread

import click
import orjson
from sqlalchemy.orm import Session

from pulse import checker as checking
from pulse import demo, logs, schema
from pulse.cli.base import load_settings, require_known, require_newest
from pulse.config import Settings
from pulse.db import connected
from pulse.models.event import OPERATOR, About, Event


@click.command()
def serve() -> None:
    """Run the web server and the checker together; with an empty database, create the demo account first."""
    from pulse import serving  # noqa: PLC0415 - the web: half of the memory, and of the time to start, of all that do without

    settings = _ready()
    address = _free_address(settings)
    if settings.makes_demo and (made := demo.make(settings)):
        click.echo(f"Demo account: {made.email}\nPassword, shown only now: {made.password}")
    serving.serve(settings, address, keeper=serving.Keeper("checker", "--while-stdin-open"))


@click.command()
def web() -> None:
    """Run only the web server: PULSE_WORKERS processes with PULSE_THREADS threads each."""
    from pulse import serving  # noqa: PLC0415 - see `serve`

    settings = _ready()
    serving.serve(settings, _free_address(settings))


@click.command()
@click.option("--once", is_flag=True, help="Check what is due, send queued mail, and exit.")
@click.option("--while-stdin-open", is_flag=True, hidden=True)
def checker(*, once: bool, while_stdin_open: bool) -> None:
    """Run only the checker; any number of them can share one PostgreSQL database."""
    settings = _ready()
    if once:
        checking.run_once(settings)
        return
    if while_stdin_open:
        Thread(target=_end_with_stdin, daemon=True).start()
    checking.run(settings)


@click.command()
def migrate() -> None:
    """Migrate the database to the newest schema."""
    settings = load_settings()
    url = settings.database
    before = schema.revision_of(url)
    require_known(before)
    schema.migrate(url)
    if before != schema.needed():
        _note_migration(url, before)
    click.echo(f"The database has the newest schema, {schema.needed()}.")


def _ready() -> Settings:
    """Return the settings once everything a server needs is known to be there; from here on, log lines are JSON."""
    settings = load_settings()
    require_newest(settings.database)
    logs.configure()
    return settings


def _free_address(settings: Settings) -> str:
    from pulse import serving  # noqa: PLC0415 - see `serve`

    try:
        return serving.free_address(settings.host, settings.port)
    except OSError as error:
        where = f"{settings.host}, port {settings.port}"
        raise click.ClickException(f"Cannot listen on {where}: {error.strerror}. Change PULSE_HOST or PULSE_PORT.") from error


def _end_with_stdin() -> None:
    """End this process when whoever started it is gone, however that came."""
    # Not `sys.stdin`: a thread that waits in there disturbs the interpreter's end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _note_migration(url: str, before: str | None) -> None:
    with connected(url) as engine, Session(engine) as session, session.begin():
        Event.record(session, "schema.migrated", OPERATOR, About(detail={"from": before, "to": schema.needed()}))


@click.command("openapi")
def openapi() -> None:
    """Print the REST API's OpenAPI 3.1 document."""
    from pulse.api import openapi as documents  # noqa: PLC0415 - see `serve`

    click.echo(orjson.dumps(documents.document(load_settings().site), option=orjson.OPT_INDENT_2))


COMMANDS = (serve, web, checker, migrate, openapi)
