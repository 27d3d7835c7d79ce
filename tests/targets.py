"""Real servers on loopback for probes to meet: each does one thing, well or badly.

with serve(replying(503)) as target:
    ...                            # target.url, target.hits, target.requests
    target.behaviour = replying()  # it recovers
"""

import asyncio
import gzip
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from threading import Thread
from typing import TypeVar

import trustme

T = TypeVar("T")


@dataclass(frozen=True)
class Received:
    """One request as a target saw it; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Behaviour = Callable[[Received, Writer], Awaitable[None]]


@dataclass
class Target:
    """A server that is running: what it does may be changed at any time."""

    behaviour: Behaviour
    host: str
    scheme: str
    port: int = 0
    hits: int = 0
    """Connections accepted, whether or not a request came."""

    requests: list[Received] = field(default_factory=list[Received])
    at_once: int = 0
    most_at_once: int = 0
    """How many requests it was busy with at the same time, at most."""

    greeting: bytes = b""
    """Sent as soon as somebody connects, before any request."""

    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def url(self) -> str:
        """Where it listens, with a slash at the end."""
        return self.url_for(f"[{self.host}]" if ":" in self.host else self.host)

    def url_for(self, name: str) -> str:
        """Return its URL under another name for the same address."""
        return f"{self.scheme}://{name}:{self.port}/"

    def welcome(self, reader: Reader, writer: Writer) -> None:
        """Take a new connection; not a coroutine, so that one which is ended before its first step is let go of too."""
        self.hits += 1
        task = asyncio.get_running_loop().create_task(self._handle(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _handle(self, reader: Reader, writer: Writer) -> None:
        # The probe may go away at any time, as many of these tests want.
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            writer.write(self.greeting)
            received = await _receive(reader)
            self.requests.append(received)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await self.behaviour(received, writer)
            finally:
                self.at_once -= 1
            writer.close()
            await writer.wait_closed()


def replying(status: int = 200, body: bytes = b"ok", headers: Mapping[str, str] | None = None, *, delay: float = 0) -> Behaviour:
    """Reply at once, or after some seconds."""
    lines = {"Content-Length": str(len(body)), "Connection": "close"} | dict(headers or {})
    head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"

    async def behave(received: Received, writer: Writer) -> None:
        await asyncio.sleep(delay)
        writer.write(head.encode("latin-1") + (b"" if received.method == "HEAD" or status in (204, 304) else body))
        await writer.drain()

    return behave


def redirecting(location: str, status: int = 302) -> Behaviour:
    """Lead somewhere else."""
    return replying(status, b"", {"Location": location})


def hanging() -> Behaviour:
    """Accept, read, and never answer."""
    return saying(b"", then_wait=True)


def dripping(
    head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    drop: bytes = b"x",
    every: float = 0.05,
) -> Behaviour:
    """Send one small piece after the other for ever, so that no single wait is long."""

    async def behave(_: Received, writer: Writer) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(every)

    return behave


def saying(raw: bytes, *, then_wait: bool = False) -> Behaviour:
    """Send these very bytes, which need not be HTTP, and close (or keep the connection open)."""

    async def behave(_: Received, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        if then_wait:
            await asyncio.sleep(3600)

    return behave


def early_close() -> Behaviour:
    """Promise a hundred bytes and stop after ten."""
    return saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")


def bomb(megabytes: int = 32, encoding: str = "gzip") -> Behaviour:
    """Send a small body that becomes a large one when it is decoded."""
    return replying(200, _squeezed(megabytes), {"Content-Encoding": encoding})


def flooding() -> Behaviour:
    """Send a body without end, as fast as it is taken."""

    async def behave(_: Received, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    return behave


def resetting() -> Behaviour:
    """Send half a reply and reset the connection."""

    async def behave(_: Received, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.05)
        # No lingering: closing sends a reset instead of an orderly end.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return behave


@contextmanager
def serve(
    behaviour: Behaviour,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Generator[Target]:
    """Run a target on a free port for as long as the block lasts."""
    target = Target(behaviour, host, "https" if tls else "http")
    server = _run(_start(target, tls, port))
    try:
        yield target
    finally:
        _run(_stop(server, target))


def certified(authority: trustme.CA, *names: str, ends: datetime | None = None) -> ssl.SSLContext:
    """Return what `serve(tls=...)` takes: a certificate of `authority` for `names`, perhaps one that ended long ago."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    begins = ends - timedelta(days=90) if ends else None
    authority.issue_cert(*names, not_before=begins, not_after=ends).configure_cert(context)
    return context


@cache
def _squeezed(megabytes: int) -> bytes:
    return gzip.compress(bytes(megabytes * 1024 * 1024))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, __: None)  # Broken connections are what these servers are for.
    Thread(target=loop.run_forever, name="targets", daemon=True).start()
    return loop


def _run(coroutine: Coroutine[None, None, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(timeout=10)


async def _start(target: Target, tls: ssl.SSLContext | None, port: int) -> asyncio.Server:
    server = await asyncio.start_server(target.welcome, target.host, port, ssl=tls, backlog=1024)
    target.port = server.sockets[0].getsockname()[1]
    return server


async def _stop(server: asyncio.Server, target: Target) -> None:
    await asyncio.sleep(0.01)  # What was accepted a moment ago is still on its way here, and needs an open server to arrive.
    server.close()
    for task in list(target.tasks):
        task.cancel()
    await asyncio.gather(*target.tasks, return_exceptions=True)
    await asyncio.sleep(0.001)  # A round or two more for the transports to let go of their sockets.


async def _receive(reader: Reader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)
