"""The API's page for people."""

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
