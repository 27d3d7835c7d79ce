"""Requests over HTTP: what the web server and the app cost together, beside a bare view on the same server, in turns.

Each server is one process with one thread of its own; the client keeps as many connections busy as fill it, from this
process. CPU time is the server's, as Linux accounts for it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from selectors import EVENT_READ, DefaultSelector
from statistics import median
from time import perf_counter, sleep

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from tests.bench.filling import AGENT
from tests.bench.requests import Column, hello, known
from tests.live import free_port, serving

CONNECTIONS = 32
"""Enough for the server always to have a request waiting."""
SECONDS = 1.0
"""Of each server in a round: in a minute no owner's keys may ask more often than the plan allows."""
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 30.0


@dataclass
class Site:
    """A running server, how it is asked, and what came of it."""

    title: str
    port: int
    process: int
    """The number of its first process, which leads their group."""
    ask: Callable[[], bytes]
    rates: list[float] = field(default_factory=list[float])
    """Requests a second, one of each round."""
    times: list[float] = field(default_factory=list[float])
    """Microseconds of CPU a request, one of each round."""

    def round(self, seconds: float) -> None:
        """Ask for so long, and note how often it answered and what that cost."""
        spent, began = cpu_seconds(self.process), perf_counter()
        answered = keep_busy(self.port, self.ask, seconds)
        self.rates.append(answered / (perf_counter() - began))
        self.times.append((cpu_seconds(self.process) - spent) / answered * 1e6)


def cpu_seconds(group: int) -> float:
    """Return the CPU time of a group of processes so far."""
    spent = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[2]) == group:
            spent += int(fields[11]) + int(fields[12])
    return spent / TICKS


def keep_busy(port: int, ask: Callable[[], bytes], seconds: float) -> int:
    """Keep some connections to a server busy for so long; return how many requests it answered with 200."""
    with DefaultSelector() as selector, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, EVENT_READ, bytearray())
            connection.sendall(ask())
        answered, until = 0, perf_counter() + seconds
        while perf_counter() < until:
            for key, _ in selector.select(1):
                connection, received = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                received += connection.recv(65536)
                if is_whole(received):
                    assert received.startswith(b"HTTP/1.1 200"), received
                    received.clear()
                    answered += 1
                    connection.sendall(ask())
    return answered


def is_whole(received: bytearray) -> bool:
    """Tell whether a reply has come to its end."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
    return bool(end) and len(body) >= int(length)


@contextmanager
def bare() -> Generator[Site]:
    """Lend the server of the bare view."""
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.serving", str(port))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            wait_for(port)
            yield Site("bare view", port, process.pid, lambda: request("/"))
        finally:
            process.terminate()


@contextmanager
def pulse(column: Column) -> Generator[Site]:
    """Lend the server of Pulse on a column's database."""
    random, size = Random(2), column.size  # noqa: S311 - picks what is measured, protects nothing

    def ask() -> bytes:
        return request("/api/v1/key", f"Authorization: Bearer {known(random, size)}\r\n")

    with serving(column.settings, PULSE_WORKERS="1", PULSE_THREADS="1") as server:
        yield Site(column.title, int(server.url.rpartition(":")[2]), server.process.pid, ask)


def request(path: str, headers: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {AGENT}\r\n{headers}\r\n".encode()


def wait_for(port: int) -> None:
    """Return when somebody listens."""
    until = perf_counter() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert perf_counter() < until
            sleep(0.05)
        else:
            return


def measure(columns: Sequence[Column], rounds: int, seconds: float = SECONDS) -> list[Site]:
    """Measure the bare view and all columns in turns, the first of which only warms up; return the bare view's first."""
    with ExitStack() as stack:
        sites = [stack.enter_context(bare()), *(stack.enter_context(pulse(each)) for each in columns)]
        for _ in range(rounds + 1):
            for site in sites:
                site.round(seconds)
    for site in sites:
        del site.rates[0], site.times[0]
    return sites


def ratio(mine: Sequence[float], floor: Sequence[float]) -> float:
    """Return how many times the bare view's figure that is, of each round by itself."""
    return median(each / other for each, other in zip(mine, floor, strict=True))


def main() -> None:
    """Serve the bare view, as Pulse is served."""
    server = MPServer(
        "hello",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=1,
        http=HTTPModes.http1,
        log_level=LogLevels.critical,
    )
    server.serve(target_loader=hello, wrap_loader=False)


if __name__ == "__main__":
    main()
