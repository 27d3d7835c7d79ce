"""The API's page for people."""

import json
from datetime import datetime, timedelta
from typing import Any

from pulse.api.operations import OPERATIONS
from pulse.plans import API_PLANS, Plan
from pulse.problems import MEANINGS
from tests.helpers import soup, text


def test_every_operation_stands_there_without_signing_in(visitor):
    page = visitor.get("/docs")
    words = text(page)

    assert page.status_code == 200
    for operation in OPERATIONS.values():
        path = operation.path.replace("<id:", "<").replace("<", "{").replace(">", "}")
        assert f"{operation.method} {path}" in words
        assert operation.summary in words


def test_every_errors_type_leads_to_its_entry(api, visitor):
    page = soup(visitor.get("/docs"))

    assert [code for code in MEANINGS if page.find(id=code) is None] == []
    kind = api.get("/key").get_json(force=True)["type"]
    assert kind.endswith("/docs#token_missing")


def test_an_answer_is_shown_as_the_operation_could_give_it(visitor):
    page = soup(visitor.get("/docs"))
    shown = {each.name: page.find(id=f"{each.name}-answer") for each in OPERATIONS.values()}

    assert {name for name, title in shown.items() if title} == {each.name for each in OPERATIONS.values() if each.reply}
    for each in OPERATIONS.values():
        if each.reply:
            told = json.loads(shown[each.name].find_next("code").get_text())
            model = each.reply.model_validate(told)
            assert json.loads(model.model_dump_json(by_alias=True)) == told


def answer(page, name: str) -> dict[str, Any]:
    """The answer that is shown of an operation."""
    return json.loads(page.find(id=f"{name}-answer").find_next("code").get_text())


def test_what_is_shown_could_be_true(visitor):
    page = soup(visitor.get("/docs"))
    key, member, incident = (answer(page, each) for each in ("key_show", "team_member", "incidents_resolve"))

    assert Plan(key["plan"]) in API_PLANS
    assert key["plan"] == key["team"]["plan"]
    assert key["rate_limit"]["requests_per_minute"] == Plan(key["plan"]).limits.requests_per_minute
    assert len({key["name"], key["team"]["name"], key["owner"]["name"], member["user"]["name"]}) == 4
    assert (incident["status"], incident["alert_rule_id"], incident["acknowledged_at"]) == ("resolved", 1, None)
    assert datetime.fromisoformat(incident["resolved_at"]) - datetime.fromisoformat(incident["started_at"]) == timedelta(
        seconds=incident["duration_seconds"]
    )
    assert answer(page, "monitors_pause")["state"] == "paused"


def fields_sent(page, name: str) -> dict[str, str]:
    """What an operation's body may hold, as the page tells it."""
    table = next(each for each in page.find(id=name).find_all("table") if each.caption.get_text() == "Fields in the body")
    return {row.th.code.get_text(): row.td.get_text(" ", strip=True) for row in table.tbody.find_all("tr")}


def test_the_page_says_what_may_be_sent(visitor):
    page = soup(visitor.get("/docs"))
    monitor, rule = fields_sent(page, "monitors_create"), fields_sent(page, "alert_rules_create")

    assert list(monitor)[:2] == ["name", "url"]
    assert "one of GET, POST, PUT, PATCH, DELETE, HEAD or null. Default:" in " ".join(monitor["method"].split())
    assert "1 to 60" in monitor["timeout_seconds"]
    assert "auth.password" in monitor
    assert "up to 20 entries" in monitor["headers"]
    assert "lt, lte" in rule["operator"]
    assert "0.01 to 100 (percent)" in rule["value"]


def test_key_and_monitors_come_first_and_each_permission_leads_to_a_key_with_it(visitor):
    page = soup(visitor.get("/docs"))
    titles = [each.get_text() for each in page.select("main h2")]

    assert titles[:6] == ["Authentication", "Paging", "Repeating a request", "Rate limits", "API key", "Monitors"]
    assert page.find(id="monitors_index").find("a", string=None, href="/settings/api-keys/new?ability=monitors:read")
    assert page.find("a", string="Back to the app")["href"] == "/"


def test_every_link_within_the_page_leads_somewhere(visitor):
    page = soup(visitor.get("/docs"))
    targets = {each["href"].removeprefix("#") for each in page.find_all("a", href=True) if each["href"].startswith("#")}

    assert [each for each in targets if page.find(id=each) is None] == []


def test_the_page_is_kept_for_a_minute_and_sent_compressed(visitor):
    first = visitor.get("/docs", headers={"Accept-Encoding": "gzip"})
    again = visitor.get("/docs", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.headers["Content-Encoding"], first.headers["Cache-Control"]) == ("gzip", "private, max-age=60")
    assert {"Accept-Encoding", "Cookie"} <= set(first.headers["Vary"].split(", "))
    assert len(first.get_data()) < 40_000
    assert (again.status_code, again.get_data()) == (304, b"")
