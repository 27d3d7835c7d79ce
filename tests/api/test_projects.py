"""Projects over the API."""

import threading

import pytest

from pulse.extensions import db
from pulse.models.event import Event
from pulse.models.monitor import Monitor
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import make_monitor


@pytest.fixture
def token(alice) -> str:
    return make_key(alice).token


@pytest.fixture
def project(api, token) -> int:
    """A project of Alice's besides the default one."""
    return api.post("/projects", token, json={"name": "Europe"}).get_json()["id"]


@pytest.fixture
def default(api, token) -> int:
    """The project that Alice's team began with."""
    return next(each["id"] for each in api.get("/projects", token).get_json()["data"] if each["is_default"])


def test_a_project_is_made(api, token):
    reply = api.post("/projects", token, json={"name": "  Europe "})

    made = reply.get_json()
    assert reply.status_code == 201
    assert (set(made), made["name"], made["is_default"]) == ({"id", "name", "is_default", "created_at"}, "Europe", False)
    assert reply.headers["Location"].endswith(f"/api/v1/projects/{made['id']}")
    assert api.get(f"/projects/{made['id']}", token).get_json() == made


def test_the_list_is_newest_first_and_paged(api, token, project, default):
    first = api.get("/projects?limit=1", token)
    cursor = first.get_json()["next_cursor"]
    second = api.get(f"/projects?limit=1&cursor={cursor}", token).get_json()

    assert [each["id"] for each in first.get_json()["data"]] == [project]
    assert first.headers["Link"] == f'<http://localhost:8000/api/v1/projects?limit=1&cursor={cursor}>; rel="next"'
    assert [each["id"] for each in second["data"]] == [default]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\u202eb", "\u200b", None, 7, ["x"]])
def test_a_name_that_breaks_its_rule_is_refused(api, token, project, name):
    for reply in (
        api.post("/projects", token, json={"name": name}),
        api.patch(f"/projects/{project}", token, json={"name": name}),
    ):
        problem = assert_problem(reply, 422, "validation_failed")
        assert [each["field"] for each in problem["errors"]] == ["name"]


def test_a_project_is_renamed(api, token, project):
    renamed = api.patch(f"/projects/{project}", token, json={"name": "EU"}).get_json()
    kept = api.patch(f"/projects/{project}", token, json={}).get_json()

    assert renamed["name"] == "EU"
    assert kept == renamed == api.get(f"/projects/{project}", token).get_json()


def test_an_empty_project_is_deleted(api, token, project):
    assert api.delete(f"/projects/{project}", token).status_code == 204

    assert_problem(api.get(f"/projects/{project}", token), 404, "not_found")
    assert_problem(api.delete(f"/projects/{project}", token), 404, "not_found")


def test_the_default_project_stays(api, token, default):
    assert_problem(api.delete(f"/projects/{default}", token), 409, "conflict")

    assert api.get(f"/projects/{default}", token).status_code == 200


def test_a_project_that_holds_monitors_stays(api, token, alice, project):
    monitor_id = make_monitor(alice, project_id=project).id

    problem = assert_problem(api.delete(f"/projects/{project}", token), 409, "conflict")

    assert "monitors" in problem["detail"]
    assert api.get(f"/monitors/{monitor_id}", token).get_json()["project_id"] == project


def test_a_monitor_leaves_its_project_for_the_default_one(api, token, alice, project, default):
    monitor_id = make_monitor(alice, project_id=project).id

    told = api.patch(f"/monitors/{monitor_id}", token, json={"project_id": None}).get_json()

    assert told["project_id"] == default
    assert api.delete(f"/projects/{project}", token).status_code == 204


def test_another_teams_project_holds_no_monitor(api, token, charlie):
    theirs = api.post("/projects", make_key(charlie).token, json={"name": "Theirs"}).get_json()["id"]
    body = {"name": "X", "url": "https://example.com"}

    def told(project_id):
        problem = assert_problem(api.post("/monitors", token, json=body | {"project_id": project_id}), 422, "validation_failed")
        return problem["errors"]

    assert told(theirs) == told(999_999_999)
    assert api.get(f"/monitors?project_id={theirs}", token).get_json()["data"] == []


def test_a_project_is_never_deleted_from_under_a_new_monitor(app, api, token, project):
    body = {"name": "X", "url": "https://example.com", "project_id": project}
    statuses = {}

    def act(name, call):
        with app.app_context():
            statuses[name] = call().status_code

    threads = [
        threading.Thread(target=act, args=("make", lambda: api.post("/monitors", token, json=body))),
        threading.Thread(target=act, args=("delete", lambda: api.delete(f"/projects/{project}", token))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses in ({"make": 201, "delete": 409}, {"make": 422, "delete": 204}, {"make": 409, "delete": 204})
    db.session.rollback()
    assert db.session.query(Monitor).count() == (statuses["make"] == 201)


def test_every_act_is_in_the_trail(api, token, project):
    api.patch(f"/projects/{project}", token, json={"name": "EU"})
    api.delete(f"/projects/{project}", token)
    db.session.rollback()

    trail = db.session.query(Event).filter(Event.action.startswith("project.")).order_by(Event.id).all()

    assert [(each.action, each.detail["name"]) for each in trail] == [
        ("project.created", "Europe"),
        ("project.changed", "EU"),
        ("project.deleted", "EU"),
    ]
    assert {each.actor_kind for each in trail} == {"key"}
