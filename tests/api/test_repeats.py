"""`Idempotency-Key`: a POST that is sent again is answered as the first time, and done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.monitor import Monitor
from pulse.models.project import Project
from pulse.models.remembered_reply import RememberedReply
from tests.factories import make_key
from tests.helpers import assert_problem, eventually
from tests.monitors import make_monitor
from tests.targets import hanging, serve

MONITOR = {"name": "Shop", "url": "https://shop.example.com/"}


@pytest.fixture
def token(alice):
    return make_key(alice).token


def post(api, path, token, body, name="one"):
    return api.post(path, token, json=body, headers={"Idempotency-Key": name})


def count(model):
    db.session.rollback()
    found = db.session.scalar(select(func.count()).select_from(model))
    db.session.rollback()
    return found


def test_a_repeat_is_answered_with_the_first_reply_and_done_once(api, token):
    first = post(api, "/monitors", token, MONITOR)
    api.delete(first.headers["Location"].partition("/api/v1")[2], token)

    again = post(api, "/monitors", token, MONITOR)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_data() == first.get_data()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.mimetype == "application/json"
    assert api.get("/monitors", token).get_json()["data"] == []


def test_the_same_name_for_another_request_is_a_conflict(api, token):
    post(api, "/monitors", token, MONITOR)

    assert_problem(post(api, "/monitors", token, MONITOR | {"name": "Other"}), 409, "conflict")
    assert_problem(post(api, "/projects", token, {"name": "Shop"}), 409, "conflict")
    assert count(Monitor) == 1


def test_a_repeat_gets_the_first_reply_whatever_has_changed_since(api, token):
    project = api.post("/projects", token, json={"name": "Once"}).get_json()["id"]
    first = post(api, "/monitors", token, MONITOR | {"project_id": project})
    api.delete(f"/monitors/{first.get_json()['id']}", token)
    assert api.delete(f"/projects/{project}", token).status_code == 204

    again = post(api, "/monitors", token, MONITOR | {"project_id": project})

    assert (again.status_code, again.get_data()) == (201, first.get_data())


def test_no_body_and_an_empty_object_are_the_same_request(api, alice, token):
    path = f"/monitors/{make_monitor(alice).id}/pause"
    first, *others = [
        api.post(path, token, data=body, content_type="application/json", headers={"Idempotency-Key": "one"})
        for body in (b"", b"{}", b" { }\n")
    ]

    assert first.status_code == 200
    assert [each.get_data() for each in others] == [first.get_data()] * 2


def test_another_key_may_use_the_same_name(api, alice, token):
    other = make_key(alice, name="Other").token

    first, second = post(api, "/monitors", token, MONITOR), post(api, "/monitors", other, MONITOR)

    assert first.get_json()["id"] != second.get_json()["id"]


def test_a_refused_request_is_not_remembered(api, token):
    assert_problem(post(api, "/monitors", token, {"name": ""}), 422, "validation_failed")

    assert post(api, "/monitors", token, MONITOR).status_code == 201


def test_a_check_that_came_to_nothing_may_be_asked_for_again_at_once(app, api, token, alice):
    def run(_):
        with app.app_context():
            return post(api, f"/monitors/{monitor_id}/checks", token, None)

    with serve(hanging()) as target, ThreadPoolExecutor(1) as pool:
        monitor_id = make_monitor(alice, url=target.url, timeout_seconds=2).id
        running = pool.submit(run, None)
        eventually(lambda: count(RememberedReply))
        api.delete(f"/monitors/{monitor_id}", token)

        assert_problem(running.result(), 409, "conflict")

    assert_problem(run(None), 404, "not_found")
    assert count(RememberedReply) == 0


def test_without_the_permission_nothing_is_told_of_a_former_reply(api, alice):
    issued = make_key(alice, Ability.MONITORS_WRITE, Ability.MONITORS_READ)
    post(api, "/monitors", issued.token, MONITOR)
    issued.key.narrow(db.session, [Ability.MONITORS_READ], by=alice.actor)
    db.session.commit()

    assert_problem(post(api, "/monitors", issued.token, MONITOR), 403, "ability_required")


@pytest.mark.parametrize("name", ["", "x" * 129, "ü", "a\tb"])
def test_an_odd_name_is_refused(api, token, name):
    problem = assert_problem(post(api, "/monitors", token, MONITOR, name), 422, "validation_failed")

    assert problem["errors"][0]["field"] == "Idempotency-Key"


def test_rotation_keeps_no_reply(api, token):
    assert_problem(api.post("/key/rotate", token, headers={"Idempotency-Key": "one"}), 422, "validation_failed")


def test_parallel_repeats_are_done_once(app, api, token):
    def repeat(_):
        with app.app_context():
            return post(api, "/projects", token, {"name": "Once"})

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(repeat, range(8)))

    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({reply.get_data() for reply in replies if reply.status_code == 201}) == 1
    assert count(Project) == 2


def test_what_is_remembered_is_sealed(api, token):
    post(api, "/monitors", token, MONITOR)

    kept = db.session.scalars(select(RememberedReply)).one()
    assert b"shop" not in bytes(kept.body_sealed)


def test_after_a_day_the_name_is_free_again(api, token):
    first = post(api, "/monitors", token, MONITOR)
    db.session.execute(update(RememberedReply).values(claimed_at=utcnow() - timedelta(hours=25)))
    db.session.commit()

    second = post(api, "/monitors", token, MONITOR)
    RememberedReply.sweep(db.session)
    db.session.commit()

    assert first.get_json()["id"] != second.get_json()["id"]
    assert count(RememberedReply) == 1


def test_a_request_whose_process_died_is_done_anew_after_a_while(api, token):
    post(api, "/monitors", token, MONITOR)
    db.session.execute(update(RememberedReply).values(status=None))
    db.session.commit()
    busy = post(api, "/monitors", token, MONITOR)
    db.session.execute(update(RememberedReply).values(claimed_at=utcnow() - timedelta(minutes=3)))
    db.session.commit()

    assert "still being answered" in assert_problem(busy, 409, "conflict")["detail"]
    assert post(api, "/monitors", token, MONITOR).status_code == 201
