"""How much a request of the API costs beside a bare Flask view: CPU time and statements, in one process and one run.

Ratios are what counts: the machine's own speed drifts, but both sides are measured in turns. `python3 dev.py bench`.
"""

import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from flask import Flask, jsonify
from werkzeug.test import EnvironBuilder

from pulse import create_app, schema, tokens
from pulse.abilities import Ability
from pulse.api.limits import Limiter
from pulse.config import Settings
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.plans import Plan
from tests.factories import make_key, make_person
from tests.statements import noted

ROUNDS = 25
REQUESTS = 150
"""A round stays below the widest plan's requests a minute, so that none is refused."""


@dataclass
class Case:
    """One kind of request, and what it cost."""

    name: str
    app: Flask
    path: str
    headers: dict[str, str]
    status: str
    microseconds: list[float]

    def round(self) -> None:
        """Send the requests of one round, and note the CPU time of each."""
        environ = EnvironBuilder(path=self.path, headers=self.headers).get_environ()
        answered: list[str] = []

        def start(status: str, _headers: Any, _exc_info: Any = None) -> Callable[[bytes], object]:
            answered.append(status)
            return lambda _: None

        if "pulse" in self.app.extensions:
            # Anew each round, so that no request is refused however fast they come.
            self.app.extensions["pulse.limits"] = Limiter(self.app.extensions["pulse"].settings)
        began = process_time()
        for _ in range(REQUESTS):
            drain(self.app(dict(environ), start))
        self.microseconds.append((process_time() - began) / REQUESTS * 1e6)
        assert set(answered) == {self.status}, (self.name, set(answered))


def drain(body: Iterable[bytes]) -> None:
    for _ in body:
        pass
    if close := getattr(body, "close", None):
        close()


def hello() -> Flask:
    """Return the view everything is measured against: Flask as it comes."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: jsonify(hello="world"))
    return app


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
        os.close(nowhere)


def cases(folder: Path) -> list[Case]:
    """Return all kinds of requests, against one app with a few keys in it."""
    settings = Settings(data=folder, password_cost=4, unauthenticated_limit="1000000 per minute")
    schema.migrate(settings.database)
    app = create_app(settings)
    with app.app_context():
        # One key for each kind, so that no rate is used up.
        alice = make_person(app, "Alice", "alice@example.com", Plan.TEAM)
        own, listing = make_key(alice, *Ability, name="describe"), make_key(alice, *Ability, name="list")
        retired = make_key(alice, name="retired")
        ApiKey.revoke(retired.key, db.session, by=alice.actor)
        db.session.commit()
    known = tokens.mint()
    mistyped = known[:-1] + ("0" if known[-1] != "0" else "1")
    asked = {
        "describe the key": ("/api/v1/key", own.token, "200 OK"),
        "list monitors": ("/api/v1/monitors", listing.token, "200 OK"),
        "retired token": ("/api/v1/key", retired.token, "401 UNAUTHORIZED"),
        "unknown token": ("/api/v1/key", known, "401 UNAUTHORIZED"),
        "mistyped token": ("/api/v1/key", mistyped, "401 UNAUTHORIZED"),
    }
    return [Case("bare hello", hello(), "/", {}, "200 OK", [])] + [
        Case(name, app, path, {"Authorization": f"Bearer {token}"}, status, []) for name, (path, token, status) in asked.items()
    ]


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="pulse-bench-", ignore_cleanup_errors=True) as name:
        with quiet():
            kinds = cases(Path(name))
            for case in kinds:
                case.round()
            counted = count(kinds)
            for case in kinds:
                case.microseconds.clear()
            for _ in range(ROUNDS):
                for case in kinds:
                    case.round()
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite\n")
        print("| request | CPU, µs | × bare hello | statements |\n| --- | --- | --- | --- |")
        for case in kinds:
            middle = statistics.median(case.microseconds)
            # Of each round by itself: the machine's speed drifts from one to the next.
            ratio = statistics.median(mine / floor for mine, floor in zip(case.microseconds, kinds[0].microseconds, strict=True))
            print(f"| {case.name} | {middle:.0f} | {ratio:.2f} | {counted[case.name]} |")


def count(kinds: list[Case]) -> dict[str, str]:
    """Return how many statements one request of each kind sends, once first uses are written."""
    counts: dict[str, str] = {kinds[0].name: "0"}
    with noted(kinds[1].app) as sent:
        for case in kinds[1:]:
            sent.clear()
            case.round()
            counts[case.name] = f"{len(sent) / REQUESTS:g}"
    return counts


if __name__ == "__main__":
    main()
