"""Reads of the API take turns; nothing else waits, and nothing waits for long."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any

import pytest

from pulse.turnstile import Turnstile


class Watched:
    """An app that notes how many requests it has at once, and ends each when it is told to."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self, _environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        sleep(self.seconds)
        with self._lock:
            self._now -= 1
        start_response("200 OK", [])
        return [b""]


def ask(app: Any, method: str = "GET", path: str = "/api/v1/key") -> None:
    """Ask once."""
    app({"REQUEST_METHOD": method, "PATH_INFO": path}, lambda *_: None)


def at_once(app: Any, number: int, *asked: str) -> None:
    """Ask so many times at once."""
    with ThreadPoolExecutor(number) as pool:
        for done in [pool.submit(ask, app, *asked) for _ in range(number)]:
            done.result()


@pytest.fixture
def patient(monkeypatch):
    """Let no read go ahead of those before it, however slow the machine is."""
    monkeypatch.setattr("pulse.turnstile.PATIENCE_SECONDS", 30)


def test_reads_of_the_api_pass_one_at_a_time(patient):
    watched = Watched(0.01)

    at_once(Turnstile(watched), 8)

    assert watched.most == 1


@pytest.mark.parametrize("asked", [("POST", "/api/v1/monitors"), ("GET", "/settings/api-keys"), ("GET", "/healthz")])
def test_nothing_else_waits(asked):
    watched = Watched(0.2)

    at_once(Turnstile(watched), 4, *asked)

    assert watched.most == 4


def test_behind_a_long_read_others_go_ahead():
    watched = Watched(0.5)
    began = monotonic()

    at_once(Turnstile(watched), 4)

    assert watched.most == 4
    assert monotonic() - began < 4 * watched.seconds


def test_a_read_that_fails_lets_the_next_one_through(patient):
    def failing(*_: Any) -> Iterable[bytes]:
        raise ZeroDivisionError

    turnstile = Turnstile(failing)
    began = monotonic()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            ask(turnstile)

    assert monotonic() - began < 30
