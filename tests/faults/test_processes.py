"""What several processes agree on at once, and what a crash may not undo."""

import json
import signal
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
from sqlalchemy import func, select

from pulse.config import Settings
from pulse.extensions import db
from pulse.models.key_use import KeyUse
from pulse.models.monitor import Monitor
from pulse.models.token import Token
from pulse.plans import Plan
from pulse.tokens import digest
from tests.calls import Answer, call
from tests.factories import Person, make_key
from tests.live import Server, serving

TRIES = 200


@pytest.fixture(scope="module")
def four(settings: Settings, migrated: str):
    """The web with four worker processes."""
    assert migrated
    with serving(settings, PULSE_WORKERS="4", PULSE_THREADS="2", PULSE_UNAUTHENTICATED_LIMIT="100000 per minute") as running:
        yield running


def codes(server: Server, token: str, tries: int) -> set[str]:
    """Send a token so often, each time over a connection of its own; return all that was answered."""

    def one(_: int) -> str:
        answer = call(f"{server.url}/api/v1/key", token=token)
        return answer.json.get("code", str(answer.status))

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(one, range(tries)))


def issue(person: Person) -> str:
    """Issue a key on the plan with the widest rate, and leave no transaction open: the servers write to the same file."""
    person.set_plan(Plan.TEAM)
    token = make_key(person).token
    db.session.rollback()
    return token


def rotate(server: Server, token: str) -> Answer:
    return call(f"{server.url}/api/v1/key/rotate", "POST", token)


def test_four_processes_refuse_a_rotated_token_at_once(app, alice: Person, four: Server):
    old = issue(alice)
    assert codes(four, old, 40) == {"200"}

    new = rotate(four, old).json["token"]

    assert codes(four, old, TRIES) == {"token_rotated"}
    assert codes(four, new, 40) == {"200"}


def test_four_processes_refuse_a_deleted_keys_token_at_once(app, alice: Person, four: Server):
    token = issue(alice)
    assert codes(four, token, 20) == {"200"}

    assert call(f"{four.url}/api/v1/key", "DELETE", token).status == 204

    assert codes(four, token, TRIES) == {"token_deleted"}


def test_parallel_rotates_through_four_processes_have_one_winner(app, alice: Person, four: Server):
    token = issue(alice)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rotate(four, token), range(8)))

    won = [answer.json["token"] for answer in answers if answer.status == 200]
    lost = {answer.json["code"] for answer in answers if answer.status != 200}
    assert len(won) == 1
    assert lost <= {"conflict", "token_rotated"}
    assert codes(four, won[0], 10) == {"200"}


@pytest.mark.parametrize("act", ["rotate", "delete"])
def test_a_kill_right_after_the_reply_brings_nothing_back(app, alice: Person, settings: Settings, act: str):
    token = issue(alice)

    with serving(settings) as server:
        answer = rotate(server, token) if act == "rotate" else call(f"{server.url}/api/v1/key", "DELETE", token)
        server.stop(signal.SIGKILL)
    assert answer.status in (200, 204)

    with serving(settings) as server:
        assert codes(server, token, 5) == {"token_rotated" if act == "rotate" else "token_deleted"}
        if act == "rotate":
            assert codes(server, answer.json["token"], 5) == {"200"}


def test_a_key_is_answered_while_another_process_holds_the_write_lock(app, alice: Person, four: Server, settings: Settings):
    token = issue(alice)
    holder = db.engine.connect()
    transaction = holder.begin()
    try:
        assert codes(four, token, 20) == {"200"}
    finally:
        transaction.rollback()
        holder.close()


def total(token_id: int) -> int:
    db.session.rollback()
    found = db.session.scalar(select(func.coalesce(func.sum(KeyUse.count), 0)).where(KeyUse.token_id == token_id))
    db.session.rollback()
    return int(found or 0)


def test_counts_agree_with_the_requests_sent_through_four_processes(app, alice: Person, four: Server):
    token = issue(alice)
    token_id = db.session.scalar(select(Token.id).where(Token.digest == digest(token))) or 0
    db.session.rollback()

    assert codes(four, token, TRIES) == {"200"}

    until = monotonic() + 30
    while total(token_id) < TRIES and monotonic() < until:
        sleep(0.2)
    sleep(2.5)
    assert total(token_id) == TRIES


def hang_up(server: Server, token: str, name: str, body: bytes) -> None:
    """Send a request that makes a monitor, and go away before the answer comes."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    lines = (
        "POST /api/v1/monitors HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: {name}",
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        # Dropped at once, without a word of goodbye.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_whoever_lost_the_connection_may_ask_again_and_it_is_done_once(app, alice: Person, four: Server):
    token = issue(alice)
    body = {"name": "Shop", "url": "http://127.0.0.1/", "interval_seconds": 60}

    def ask(number: int) -> Answer:
        hang_up(four, token, f"try-{number}", json.dumps(body).encode())
        # It may still be under way: then it is said so, and asked for again.
        until = monotonic() + 30
        while (answer := call(f"{four.url}/api/v1/monitors", "POST", token, body, repeat=f"try-{number}")).status == 409:
            assert monotonic() < until
            sleep(0.1)
        return answer

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(12)))

    assert {answer.status for answer in answers} == {201}
    db.session.rollback()
    made = db.session.scalars(select(Monitor.id).where(Monitor.team_id == alice.team_id).order_by(Monitor.id)).all()
    db.session.rollback()
    assert sorted(answer.json["id"] for answer in answers) == made
    again = call(f"{four.url}/api/v1/monitors", "POST", token, body, repeat="try-0")
    assert (again.status, again.json) == (201, answers[0].json)
