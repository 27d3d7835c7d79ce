"""What happens when several want the same at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask

from pulse import tokens
from pulse.abilities import Ability
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.refusals import Conflict, LimitReached, Refused
from pulse.models.token import Token
from pulse.plans import Plan
from tests.factories import make_key


def at_once(app: Flask, acts: list[Callable[[], Any]]) -> list[Any]:
    """Do all acts at the same moment, each in a thread and session of its own; return results and refusals."""
    barrier = Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        with app.app_context():
            barrier.wait()
            try:
                result = act()
                db.session.commit()
                return result
            except Refused as refused:
                return refused

    db.session.rollback()
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_twenty_parallel_creates_at_a_limit_of_five_leave_five(app, alice):
    alice.set_plan(Plan.STARTER)

    def create(number):
        return lambda: make_key(alice, Ability.MONITORS_READ, name=f"Key {number}").token

    results = at_once(app, [create(number) for number in range(20)])

    assert Counter(type(each) for each in results) == {str: 5, LimitReached: 15}
    assert len(ApiKey.of_user(db.session, alice.user_id)) == 5


def test_parallel_creates_of_one_name_leave_one(app, alice):
    results = at_once(app, [lambda: make_key(alice, Ability.MONITORS_READ, name="CI").token for _ in range(8)])

    assert sum(isinstance(each, str) for each in results) == 1
    assert len(ApiKey.of_user(db.session, alice.user_id)) == 1


def rotation(key_id, replacing, person):
    def act():
        key = db.session.get_one(ApiKey, key_id)
        return key.rotate(db.session, replacing=replacing, by=person.actor).token

    return act


def deletion(key_id, person):
    return lambda: db.session.get_one(ApiKey, key_id).revoke(db.session, by=person.actor)


def test_eight_parallel_rotates_have_one_winner_whose_token_works(app, api, alice):
    for _ in range(10):
        issued = make_key(alice, name=tokens.mint()[-20:])
        key_id, current = issued.key.id, issued.key.token.id

        results = at_once(app, [rotation(key_id, current, alice) for _ in range(8)])

        winners = [each for each in results if isinstance(each, str)]
        assert len(winners) == 1
        assert sum(isinstance(each, Conflict) for each in results) == 7
        assert api.get("/key", winners[0]).status_code == 200
        assert api.get("/key", issued.token).status_code == 401


def test_of_rotates_and_deletes_at_once_no_token_survives(app, api, alice):
    for _ in range(10):
        issued = make_key(alice, name=tokens.mint()[-20:])
        key_id, current = issued.key.id, issued.key.token.id
        acts = [rotation(key_id, current, alice) for _ in range(4)] + [deletion(key_id, alice) for _ in range(4)]

        results = at_once(app, acts)

        assert sum(each is None for each in results) == 1
        live = db.session.query(Token).filter_by(key_id=key_id, retired_at=None).count()
        assert live == 0
        for token in [issued.token, *(each for each in results if isinstance(each, str))]:
            assert api.get("/key", token).status_code == 401


def test_parallel_rotates_over_the_api_have_one_winner(app, alice):
    issued = make_key(alice)

    def call():
        with app.test_client(use_cookies=False) as client:
            reply = client.post("/api/v1/key/rotate", headers={"Authorization": f"Bearer {issued.token}"})
            return reply.status_code, reply.get_json()

    results = at_once(app, [call] * 8)

    codes = Counter(body.get("code", "won") for _, body in results)
    assert codes["won"] == 1
    assert set(codes) <= {"won", "conflict", "token_rotated"}
    assert Counter(status for status, _ in results)[200] == 1
