"""Lists for spreadsheets and figures for Prometheus."""

import csv
import io

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pulse.extensions import db
from tests.factories import make_key
from tests.helpers import assert_problem
from tests.monitors import BAD, GOOD, check, make_monitor

AS_CSV = {"Accept": "text/csv"}


@pytest.fixture
def token(alice):
    return make_key(alice).token


def table(reply):
    assert reply.status_code == 200
    assert reply.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(reply.get_data(as_text=True))))


def test_checks_as_csv_say_what_json_says(api, token, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD)
    monitor_id = monitor.id

    rows = table(api.get(f"/monitors/{monitor_id}/checks", token, headers=AS_CSV))

    told = api.get(f"/monitors/{monitor_id}/checks", token).get_json()["data"]
    assert rows == [{name: "" if value is None else str(value) for name, value in each.items()} for each in told]


def test_pages_of_csv_are_linked(api, token, alice):
    monitor = make_monitor(alice)
    check(monitor, GOOD, BAD, GOOD)
    monitor_id = monitor.id

    first = api.get(f"/monitors/{monitor_id}/checks?limit=2", token, headers=AS_CSV)

    assert len(table(first)) == 2
    assert 'rel="next"' in first.headers["Link"]


def test_an_empty_list_has_its_line_of_names(api, token):
    reply = api.get("/incidents", token, headers=AS_CSV)

    assert reply.get_data(as_text=True).startswith("id,title,status,severity,")
    assert table(reply) == []


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)", '=HYPERLINK("https://evil.example")']
)
def test_no_cell_is_computed_by_a_spreadsheet(api, token, alice, name):
    check(make_monitor(alice, name=name), BAD, BAD)

    (row,) = table(api.get("/incidents", token, headers=AS_CSV))

    assert row["title"] == f"'{name} is down"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/*", "text/csv"),
        ("*/*", "application/json"),
    ],
)
def test_the_type_is_the_one_the_caller_likes_better(api, token, accept, kind):
    assert api.get("/incidents", token, headers={"Accept": accept}).mimetype == kind


def test_what_is_no_list_of_rows_is_not_given_as_csv(api, token):
    assert_problem(api.get("/monitors", token, headers=AS_CSV), 406, "not_acceptable")


def test_figures_are_given_in_their_own_format_alone(api, token):
    assert_problem(api.get("/metrics", token, headers={"Accept": "image/png"}), 406, "not_acceptable")
    assert api.get("/metrics", token, headers={"Accept": "text/plain;version=0.0.4, */*;q=0.1"}).status_code == 200


def test_prometheus_is_told_of_every_monitor(api, token, alice, charlie, statements):
    check(make_monitor(alice, name='Shop "one"\\n'), GOOD, GOOD, BAD)
    make_monitor(alice, name="New")
    paused = make_monitor(alice, name="Paused")
    paused.pause(db.session, alice.actor)
    db.session.commit()
    check(make_monitor(charlie, name="Not mine"), GOOD)

    with statements() as sent:
        reply = api.get("/metrics", token)

    families = text_string_to_metric_families(reply.get_data(as_text=True))
    told = {(each.name, each.labels["name"]): each.value for family in families for each in family.samples}
    assert reply.mimetype == "text/plain"
    assert len(sent) == 3
    assert told["pulse_monitor_up", 'Shop "one"\\n'] == 0
    assert told["pulse_monitor_uptime_ratio", 'Shop "one"\\n'] == pytest.approx(2 / 3)
    assert told["pulse_monitor_paused", "Paused"] == 1
    assert ("pulse_monitor_up", "New") not in told
    assert not any(name == "Not mine" for _, name in told)
