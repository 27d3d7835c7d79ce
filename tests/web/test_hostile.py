"""What an adversary sent once: it must stay cheap, refused in words, and nowhere kept."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select, text

from pulse import names
from pulse.bodies import Bodies
from pulse.extensions import db, services
from pulse.models.api_key import ApiKey
from pulse.models.event import Event as Noted
from pulse.models.key_use import KeyClient
from pulse.models.outbox import Message
from pulse.problems import Problem
from tests.factories import make_key
from tests.helpers import assert_problem

MARKS = "a" + "\u0300" * 60_000 + "\u0316" * 60_000
CHEAP_SECONDS = 5
"""Each of these took from ten seconds to minutes; now they take milliseconds."""


def cheaply(act):
    began = time.process_time()
    result = act()
    assert time.process_time() - began < CHEAP_SECONDS
    return result


def test_a_name_of_combining_marks_costs_nothing():
    with pytest.raises(names.InvalidName, match="at most 100 characters"):
        cheaply(lambda: names.clean(MARKS))
    assert cheaply(lambda: names.fold(MARKS))


@pytest.mark.parametrize("path", ["/sign-up", "/sign-in", "/forgot-password"])
def test_no_form_spends_time_on_combining_marks(visitor, path):
    form = {"csrf_token": visitor.csrf_token(path), "name": MARKS, "email": MARKS, "password": "correct horse battery"}

    assert 400 <= cheaply(lambda: visitor.post(path, form)).status_code < 500


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 100_000, b'{"a":"' + b'\\"' * 100_000, b'"' * 200_000])
def test_a_body_of_quotes_costs_nothing(api, alice, body):
    token = make_key(alice).token

    reply = cheaply(lambda: api.post("/monitors", token, data=body, content_type="application/json"))

    assert_problem(reply, 400, "malformed_request")


@pytest.mark.parametrize("name", ["\U000e0061", "\U000e0100", "\U0001d173", "\ufff9\ufffa", "\u200b\u0301", " \u00ad "])
def test_a_name_that_nobody_sees_is_none(name):
    with pytest.raises(names.InvalidName, match="Enter a name"):
        names.clean(name)


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12-30", "2500-01-01"])
def test_an_expiry_beyond_all_calendars_is_refused(visitor, alice, day):
    visitor.sign_in(alice)
    form = {"name": "Far", "abilities": ["monitors:read"], "expires": "date", "expires_on": day}

    reply = visitor.submit("/settings/api-keys/new", form)

    assert reply.status_code == 422
    assert "within the next 100 years" in reply.get_data(as_text=True)


@pytest.mark.parametrize("token_id", ["9223372036854775808", "-1", "0", "9" * 40, "x"])
def test_an_odd_token_id_rotates_nothing(visitor, alice, token_id):
    key_id = make_key(alice).key.id
    visitor.sign_in(alice)

    reply = visitor.submit(f"/settings/api-keys/{key_id}/rotate", {"token_id": token_id}, page="/settings/api-keys")

    assert reply.status_code == 400


def test_a_token_in_a_client_s_name_is_kept_nowhere(app, api, alice):
    issued = make_key(alice)
    named = {"User-Agent": f"bot {issued.token}"}

    new = api.post("/key/rotate", issued.token, headers=named).get_json()["token"]
    api.get("/key", new, headers={"User-Agent": new})
    services().uses.flush()
    db.session.rollback()

    columns = (KeyClient.user_agent, Message.body, Noted.user_agent)
    kept = [each for column in columns for each in db.session.scalars(select(column)) if each]
    assert kept
    assert not [each for each in kept if issued.token in each or new in each]


def test_a_token_is_no_name_for_a_key(visitor, alice):
    token = make_key(alice).token
    visitor.sign_in(alice)

    reply = visitor.submit("/settings/api-keys/new", {"name": f"my {token}", "abilities": ["monitors:read"], "expires": ""})

    assert reply.status_code == 422
    assert "Name the key after where it is used" in reply.get_data(as_text=True)
    assert len(ApiKey.of_user(db.session, alice.user_id)) == 1


def test_two_slashes_before_the_api_are_dressed_as_the_api(api, alice):
    token = make_key(alice).token

    reply = api.get("/key", token, environ_overrides={"PATH_INFO": "//api/v1/key"})

    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Vary"] == "Authorization"


def test_who_is_not_staff_waits_for_no_writer_at_the_hidden_address(visitor, alice, settings):
    visitor.sign_in(alice)
    db.session.rollback()
    engine = db.engine
    with engine.connect() as holder, holder.begin():
        holder.execute(text("SELECT 1"))
        began = time.monotonic()
        answers = [visitor.post(path).status_code for path in ("/support", "/suppork")]
        took = time.monotonic() - began

    assert answers == [404, 404]
    assert took < CHEAP_SECONDS - 1


class Slow:
    """A body that comes when it is let."""

    def __init__(self):
        self.reading, self.go_on = Event(), Event()

    def read(self, size):
        self.reading.set()
        self.go_on.wait(30)
        return b"x" * size


def body(address: str, stream: Any = None) -> dict[str, Any]:
    return {"CONTENT_LENGTH": "10", "REMOTE_ADDR": address, "wsgi.input": stream or BytesIO(b"0123456789")}


@contextmanager
def sending_slowly(bodies: Bodies, *addresses: str) -> Generator[None]:
    slow = [Slow() for _ in addresses]
    threads = [
        Thread(target=bodies.take_in, args=(body(address, each), 100)) for address, each in zip(addresses, slow, strict=True)
    ]
    for thread, each in zip(threads, slow, strict=True):
        thread.start()
        assert each.reading.wait(30)
    yield
    for each in slow:
        each.go_on.set()
    for thread in threads:
        thread.join(30)


def test_slow_bodies_leave_threads_to_others():
    bodies = Bodies(threads=4)

    with sending_slowly(bodies, "203.0.113.1", "203.0.113.2"):
        with pytest.raises(Problem) as refused:
            bodies.take_in(body("203.0.113.3"), 100)
        bodies.take_in({"CONTENT_LENGTH": "0"}, 100)
    after = body("203.0.113.3")
    bodies.take_in(after, 100)

    assert refused.value.status == 503
    assert after["wsgi.input"].read() == b"0123456789"


@pytest.mark.parametrize("addresses", [("203.0.113.1", "203.0.113.1"), ("2001:db8::1", "2001:db8::2")])
def test_one_clients_slow_bodies_leave_seats_to_others(addresses):
    bodies = Bodies(threads=8)

    with sending_slowly(bodies, *addresses):
        with pytest.raises(Problem):
            bodies.take_in(body(addresses[0]), 100)
        with sending_slowly(bodies, "203.0.113.2", "203.0.113.2"):
            bodies.take_in(body("203.0.113.3"), 100)
    bodies.take_in(body(addresses[0]), 100)


def test_a_body_without_a_length_is_held_to_its_limit_all_the_same(api, alice):
    token = make_key(alice).token
    chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

    reply = api.post("/monitors", token, data=b" " * 300_000, content_type="application/json", environ_overrides=chunks)

    assert_problem(reply, 413, "body_too_large")
