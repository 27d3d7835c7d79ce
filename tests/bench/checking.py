"""How much a check costs, from its claim to its row, beside a bare loop of libcurl's: CPU time of one core, in turns.

The target is a process of its own on loopback and answers at once, so that what is measured is ours alone. It is asked over
plain HTTP, and over HTTPS with its certificate verified.
"""

import asyncio
import ssl
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from unittest.mock import patch

import certifi
import pycurl
import trustme
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from pulse.checker import run_once
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import connect
from pulse.models.check import Check
from pulse.models.monitor import Monitor

SCHEMES = {"http": "plain HTTP", "https": "HTTPS, verified"}
AT_ONCE = 50
"""How many transfers the bare loop keeps in flight."""
UP = select(func.count()).where(Check.up).select_from(Check)
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Answer(asyncio.Protocol):
    """Answers any request, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole; one without a body comes in one piece."""
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(REPLY)
            self.transport.close()


async def answer(certificate: str | None) -> None:
    """Tell the port, and answer until the end."""
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, ssl=tls, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def target(scheme: str, folder: Path) -> Generator[str]:
    """Lend the URL of a target in a process of its own; over HTTPS its certificate is one that is trusted meanwhile."""
    authority, trusted = trustme.CA(), folder / "trusted.pem"
    authority.cert_pem.write_to_path(str(trusted))
    certificate = folder / "target.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    command = (sys.executable, "-m", "tests.bench.checking", *([str(certificate)] if scheme == "https" else []))
    with patch("certifi.where", lambda: str(trusted)), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"{scheme}://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.terminate()


@dataclass
class Checking:
    """A database with monitors to check, and what that cost."""

    title: str
    settings: Settings
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    """Microseconds of CPU a check, by the target's scheme, one of each round."""

    def round(self, url: str, checks: int) -> None:
        """Let so many monitors be due, check them all, and note the CPU time of each check, with its share of the chores."""
        engine = connect(self.settings.database)
        sessions = sessionmaker(engine)
        before = self._make_due(sessions, url, checks)
        began = process_time()
        run_once(self.settings)
        self.times[url.partition(":")[0]].append((process_time() - began) / checks * 1e6)
        with sessions.begin() as session:
            assert session.scalar(UP) == before + checks
        engine.dispose()

    def _make_due(self, sessions: sessionmaker[Session], url: str, checks: int) -> int:
        """Let so many monitors of the target be due; return how many good checks there were before."""
        now = utcnow()
        due = {"url": url, "next_check_at": now - timedelta(seconds=1), "anchored_at": now, "lease_until": None}
        with sessions.begin() as session:
            session.execute(update(Monitor).where(Monitor.id <= checks).values(due))
            return session.scalar(UP) or 0


def bare(url: str, checks: int) -> float:
    """Return the microseconds of CPU that a request takes when libcurl does nothing else, each on a fresh connection."""
    began = process_time()
    multi, done = pycurl.CurlMulti(), 0
    waiting = [_request(url) for _ in range(min(checks, AT_ONCE))]
    for curl in waiting:
        multi.add_handle(curl)
    begun = len(waiting)
    while done < checks:
        multi.select(1.0)
        multi.perform()
        _, ended, failed = multi.info_read()
        assert not failed
        done += len(ended)
        for curl in ended:
            multi.remove_handle(curl)
            if begun < checks:
                begun += 1
                multi.add_handle(curl)
    return (process_time() - began) / checks * 1e6


def _request(url: str) -> pycurl.Curl:
    curl = pycurl.Curl()
    for option in (pycurl.FRESH_CONNECT, pycurl.FORBID_REUSE, pycurl.NOSIGNAL):
        curl.setopt(option, 1)
    for option, value in ((pycurl.URL, url), (pycurl.CAINFO, certifi.where()), (pycurl.SSL_SESSIONID_CACHE, 0)):
        curl.setopt(option, value)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


def measure(checkings: Sequence[Checking], rounds: int, checks: int) -> dict[str, list[float]]:
    """Measure all in turns, the first of which only warms up; return what the bare loop took in each, by scheme."""
    floors: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="pulse-bench-") as folder:
        for scheme in SCHEMES:
            with target(scheme, Path(folder)) as url:
                floors[scheme] = [_round(checkings, url, checks) for _ in range(rounds + 1)][1:]
            for each in checkings:
                del each.times[scheme][0]
    return floors


def _round(checkings: Sequence[Checking], url: str, checks: int) -> float:
    floor = bare(url, checks)
    for each in checkings:
        each.round(url, checks)
    return floor


def ratio(times: Sequence[float], floors: Sequence[float]) -> float:
    """Return how many times the bare loop's cost that is, of each round by itself."""
    return median(mine / floor for mine, floor in zip(times, floors, strict=True))


if __name__ == "__main__":
    asyncio.run(answer(next(iter(sys.argv[1:]), None)))
