"""The API's page for people."""

import json

from pulse.api.operations import OPERATIONS
from pulse.problems import MEANINGS
from tests.helpers import soup, text


def test_every_operation_stands_there_without_signing_in(visitor):
    page = visitor.get("/docs")

    assert page.status_code == 200
    for operation in OPERATIONS.values():
        path = operation.path.replace("<id:", "<").replace("<", "{").replace(">", "}")
        assert f"{operation.method} {path}" in text(page)
        assert operation.summary in text(page)


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
