"""Starting the web server, and keeping the checker beside it."""

import gc
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from logging import Filter, LogRecord
from multiprocessing.util import Finalize
from threading import Event, Lock, Thread
from time import monotonic, sleep
from types import FrameType
from typing import Any

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from pulse import logs
from pulse.app import create_app
from pulse.config import Settings

FINISH_SECONDS = 8
"""How long requests in hand may take once the server is told to end: with what comes after, all ends within 10."""
HEADER_SECONDS = 15
"""How long a client may take to send its headers."""
BACKLOG = 1024
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
TURN_SECONDS = 0.001
"""How long a thread may compute while others wait: the writer of uses computes for long, and requests must not."""
HEALTHY_SECONDS = 60.0
"""Who has run for so long is not in a crash loop."""


class NoAdvice(Filter):
    """Drops the server's advice on how many workers and threads to have: the operator has chosen."""

    def filter(self, record: LogRecord) -> bool:
        """Tell whether the record is to be logged."""
        return "Consider " not in record.getMessage()


# What the server logs goes the way of our own lines; requests are logged by the app.
LOGGING: dict[str, Any] = {
    "filters": {"no_advice": {"()": NoAdvice}},
    "loggers": {"_granian": {"handlers": [], "propagate": True, "filters": ["no_advice"]}},
}


def free_address(host: str, port: int) -> str:
    """Return the address that `host` stands for, if one can listen there; raises OSError otherwise.

    The workers share their port by SO_REUSEPORT, with which a second server would start in silence and take half of the
    requests.
    """
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(where)
    return str(where[0])


def serve(settings: Settings, address: str, keeper: "Keeper | None" = None) -> None:
    """Serve at `address` until the process is told to end; with a keeper, keep the checker running meanwhile."""
    server = MPServer(
        "pulse",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backlog=BACKLOG,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=FINISH_SECONDS,
    )
    if keeper is not None:
        server.on_startup(keeper.start)
        server.on_shutdown(keeper.stop)
    Thread(target=_announce, args=(settings, address), daemon=True).start()
    server.serve(target_loader=load, wrap_loader=False)


def load() -> Flask:
    """Return the app; called in each worker."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    for work in (_end_when_told, _end_with_parent):
        Thread(target=work, daemon=True).start()
    logs.configure()
    sys.setswitchinterval(TURN_SECONDS)
    app = create_app()
    # The server hands the environment to every request: nothing that runs in one needs to know our settings.
    for name in [name for name in os.environ if name.upper().startswith("PULSE_")]:
        del os.environ[name]
    # A forked process ends without `atexit`: uses that are noted but not yet written would be lost.
    Finalize(None, app.extensions["pulse"].uses.close, exitpriority=1)
    # What is there now stays: looking through it for garbage would hold up a request for a tenth of a second.
    gc.collect()
    gc.freeze()
    return app


def _end_when_told() -> None:
    """Let the server end this worker, once.

    A terminal and a service manager signal the whole group, and then the parent signals its workers: at a second signal a
    worker of granian 2.8.7 may hang until it is killed, with the requests it has in hand.
    """
    signal.sigwait({signal.SIGTERM})
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler):
        # The server has not put its own in place yet, so there is nothing in hand.
        os._exit(0)
    handler(signal.SIGTERM, None)


def _end_with_parent() -> None:
    """End this worker when the server is gone, however that came: else it would go on answering, with old code."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _announce(settings: Settings, address: str) -> None:
    """Say where Pulse is, once it answers."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - asked for by the setting
    while True:
        try:
            socket.create_connection((here, settings.port), timeout=1).close()
        except OSError:
            sleep(0.02)
        else:
            sys.stdout.write(f"Pulse is at {settings.site}\n")
            sys.stdout.flush()
            return


class Keeper:
    """Runs one of our commands beside this process: starts it anew when it dies, later each time it dies young."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = Lock()
        self._ending = Event()
        self._watcher = Thread(target=self._watch, name="keeper", daemon=True)

    def start(self) -> None:
        """Start it. From here on a signal that ends this process is handed on at once, so that both end together."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handing_on(signal.getsignal(number)))
        self._start()
        self._watcher.start()

    def stop(self) -> None:
        """End it, and return when it has ended; what does not end in time is killed."""
        with self._starting:
            self._end()
            process = self._process
        if process is None:
            return
        try:
            process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        with self._starting:
            if not self._ending.is_set():
                # Its end of this pipe closes when we die, and then it ends as well.
                command = [sys.executable, "-m", "pulse.cli", *self._command]
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - ours, word for word

    def _watch(self) -> None:
        delay = FIRST_DELAY
        while (process := self._process) is not None:
            started = monotonic()
            code = process.wait()
            if self._ending.is_set():
                return
            delay = FIRST_DELAY if monotonic() - started > HEALTHY_SECONDS else delay
            logs.log.error("restarting", command=self._command[0], exit_code=code, seconds=delay)
            if self._ending.wait(delay):
                return
            delay = min(LONGEST_DELAY, delay * 2)
            self._start()

    def _end(self) -> None:
        self._ending.set()
        process = self._process
        if process is not None:
            process.terminate()

    def _handing_on(self, handler: Any) -> Any:
        def handle(number: int, frame: FrameType | None) -> None:
            self._end()
            if callable(handler):
                handler(number, frame)

        return handle
