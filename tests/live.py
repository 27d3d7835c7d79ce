"""Real servers for tests: the command people run, in processes of its own, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from pulse.config import Settings

PATIENCE_SECONDS = 30.0


@dataclass
class Server:
    """A running `pulse web` or `pulse serve`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Return when it answers; fail with its own words when it does not."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                    return
            except (URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"no answer from {self.url}:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it, workers included, and return its exit code."""
        if self.process.poll() is None:
            if how == signal.SIGKILL:
                os.killpg(self.process.pid, how)
            else:
                self.process.send_signal(how)
        return self.process.wait(timeout=20)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the variables under which a process shares the settings' database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    url = settings.database_url
    given = {
        "PULSE_DATA": str(settings.folder),
        "PULSE_DATABASE_URL": url.get_secret_value() if url else "",
        "PULSE_PASSWORD_COST": "4",
        "PULSE_ALLOWED_NETWORKS": "127.0.0.0/8 ::1/128",
        "PULSE_DEMO": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return kept | given | more


@contextmanager
def serving(settings: Settings, command: str = "web", **variables: str) -> Generator[Server]:
    """Run `pulse web` (or another command that serves) until the block ends."""
    port = free_port()
    url = f"http://localhost:{port}"
    log = settings.folder / f"server-{port}.log"
    env = environment(settings, PULSE_PORT=str(port), PULSE_BASE_URL=url, **variables)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pulse.cli", command], env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(url, process, log)
    try:
        server.wait()
        yield server
    finally:
        if process.poll() is None:
            server.stop()
