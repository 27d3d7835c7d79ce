"""How much a request of the API costs beside a bare Flask view: CPU time and statements, in one process and in turns.

Each request has another token, picked at random from all: with a million keys hardly one row is read twice.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import mean, median
from time import process_time, thread_time
from typing import Any, NamedTuple

from flask import Flask, jsonify
from werkzeug.test import EnvironBuilder

from pulse.api.limits import Limiter
from pulse.app import create_app
from pulse.config import Settings
from tests.apps import close, exchange
from tests.bench.filling import ADDRESS, AGENT, ROTATED, token
from tests.statements import noted

REQUESTS = 400
"""A round stays below the widest plan's requests a minute, so that none is refused."""
BUSY = 1000
"""How many of the keys are in use all the time, if there are so many."""
BARE = "bare view"
COUNTING = "counting a use, in the background"
"""What a process's writer spends on each request, here in the dearest case: no key is used twice between two of its turns."""


class Kind(NamedTuple):
    """One kind of request: what it asks for with which token, and how it is answered."""

    name: str
    path: str
    status: str
    pick: Callable[[Random, int], str]
    """Returns a token, of so many keys."""
    times: int = 1
    """How many times as many requests come between two writes of the uses."""


def known(random: Random, keys: int) -> str:
    """Return the token of some key."""
    return token(random.randint(1, keys))


def busy(random: Random, keys: int) -> str:
    """Return the token of one of the keys that programs use all the time: as many in each database, spread over all."""
    return token(random.randrange(1, keys + 1, max(1, keys // BUSY)))


def unknown(random: Random, _keys: int) -> str:
    """Return a token that was never issued."""
    return token(random.getrandbits(60), "foreign")


def mistyped(random: Random, keys: int) -> str:
    """Return a token with a wrong last character."""
    text = known(random, keys)
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def retired(random: Random, keys: int) -> str:
    """Return the former token of some key that was rotated."""
    return token(random.randint(1, keys // ROTATED) * ROTATED, "former")


REFUSED = "401 UNAUTHORIZED"
KINDS = (
    Kind("describe the key", "/api/v1/key", "200 OK", known),
    Kind("describe one of 1,000 busy keys", "/api/v1/key", "200 OK", busy, 5),
    Kind("list 5 monitors", "/api/v1/monitors", "200 OK", known),
    Kind("retired token", "/api/v1/key", REFUSED, retired),
    Kind("unknown token", "/api/v1/key", REFUSED, unknown),
    Kind("mistyped token", "/api/v1/key", REFUSED, mistyped),
)


@dataclass
class Column:
    """One database with so many keys, the app on it, and what its requests cost."""

    title: str
    settings: Settings
    app: Flask
    size: int
    """How many keys there are."""
    requests: int = REQUESTS
    statements: dict[str, float] = field(default_factory=dict[str, float])
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    """Microseconds of CPU a request, by kind, one of each round."""
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - picks what is measured, protects nothing

    def round(self, bare: Flask) -> None:
        """Send the requests of one round, the bare view's first, and note the CPU time of each kind."""
        self.times[BARE].append(self._send(bare, [EnvironBuilder().get_environ() for _ in range(self.requests)], "200 OK"))
        for kind in KINDS:
            asked, counted = self.ask(kind)
            self.times[kind.name].append(asked)
            if kind is KINDS[0]:
                self.times[COUNTING].append(counted)

    def ask(self, kind: Kind) -> tuple[float, float]:
        """Send the requests of one kind; return the microseconds of CPU that each of them took, and counting each."""
        taken = [self._ask(kind) for _ in range(kind.times)]
        # What is written beside the requests is written before others are measured.
        began = process_time()
        self.app.extensions["pulse"].uses.flush()
        return mean(taken), (process_time() - began) / self.requests / kind.times * 1e6

    def _ask(self, kind: Kind) -> float:
        # Anew each time, so that no request is refused however fast they come.
        exchange(self.app, limiter=Limiter(self.settings))
        environ = EnvironBuilder(path=kind.path).get_environ() | {"REMOTE_ADDR": ADDRESS, "HTTP_USER_AGENT": AGENT}
        texts = [kind.pick(self.random, self.size) for _ in range(self.requests)]
        return self._send(self.app, [environ | {"HTTP_AUTHORIZATION": f"Bearer {text}"} for text in texts], kind.status)

    def count(self) -> None:
        """Note how many statements one request of each kind sends."""
        with noted(self.app) as sent:
            self.statements[BARE] = 0
            for kind in KINDS:
                sent.clear()
                self.ask(kind)
                self.statements[kind.name] = len(sent) / self.requests / kind.times

    def microseconds(self, name: str) -> float:
        """Return what a request of a kind cost, in the middle of all rounds."""
        return median(self.times[name])

    def ratio(self, name: str) -> float:
        """Return how many times the bare view's cost that is, of each round by itself: the machine's speed drifts."""
        return median(mine / floor for mine, floor in zip(self.times[name], self.times[BARE], strict=True))

    def _send(self, app: Flask, environs: list[dict[str, Any]], expected: str) -> float:
        answered: list[str] = []

        def start(status: str, _headers: Any, _exc_info: Any = None) -> Callable[[bytes], object]:
            answered.append(status)
            return lambda _: None

        number = len(environs)
        began = thread_time()
        while environs:
            # Let go of at once, as by a server: what a request leaves in its environment is not kept.
            drain(app(environs.pop(), start))
        taken = (thread_time() - began) / number * 1e6
        assert set(answered) == {expected}, set(answered)
        return taken


def drain(body: Iterable[bytes]) -> None:
    """Read a reply to its end, as a server does."""
    for _ in body:
        pass
    if close := getattr(body, "close", None):
        close()


def hello() -> Flask:
    """Return the view everything is measured against: Flask as it comes."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: jsonify(hello="world"))
    return app


def measure(columns: list[Column], rounds: int) -> None:
    """Measure all columns in turns, once each of them is warm."""
    bare = hello()
    with quiet():
        for column in columns:
            column.round(bare)
            column.count()
            column.times.clear()
        for _ in range(rounds):
            for column in columns:
                column.round(bare)


@contextmanager
def opened(settings: Settings, title: str, keys: int, requests: int) -> Generator[Column]:
    """Lend the column of a database that is filled already."""
    app = create_app(settings)
    try:
        yield Column(title, settings, app, keys, requests)
    finally:
        close(app)


@contextmanager
def quiet() -> Generator[None]:
    """Let request lines be made and written, to nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
