"""How tests fill in a form: by the words on its labels and its button, as a person does."""

from typing import Any, cast

from bs4 import BeautifulSoup, Tag
from werkzeug.test import TestResponse

from tests.helpers import Visitor, soup


def press(visitor: Visitor, button: str, fields: dict[str, str] | None = None, **options: Any) -> TestResponse:
    """Fill in fields by their labels in the form of the page shown last, and press one of its buttons."""
    assert visitor.last is not None
    form = form_of(soup(visitor.last), button)
    data = values(form)
    for label, value in (fields or {}).items():
        data[labelled(form, label)] = value
    return visitor.post(str(form.get("action") or visitor.last.request.full_path), data, **options)


def form_of(page: BeautifulSoup, button: str) -> Tag:
    """Return the form that has the button `button`."""
    found = [each for each in page.find_all("button") if words(each) == button or each.get("aria-label") == button]
    assert len(found) == 1, f"{len(found)} buttons {button}"
    form = found[0].find_parent("form")
    assert isinstance(form, Tag)
    return form


def values(form: Tag) -> dict[str, str]:
    """Return what a form sends when nothing is changed."""
    data: dict[str, str] = {}
    for control in form.find_all(["input", "select", "textarea"]):
        if control.get("type") in ("checkbox", "radio") and not control.has_attr("checked"):
            continue
        if control.name == "textarea":
            data[cast("str", control["name"])] = control.get_text().removeprefix("\r\n")
            continue
        chosen = control if control.name == "input" else control.find("option", selected=True) or control.find("option")
        data[cast("str", control["name"])] = str(chosen.get("value") or "")
    return data


def labelled(form: Tag, label: str) -> str:
    """Return the name of the control with this label."""
    found = [each for each in form.find_all("label") if words(each) == label]
    assert len(found) == 1, f"{len(found)} labels {label}"
    control = form.find(id=str(found[0]["for"]))
    assert isinstance(control, Tag)
    return str(control["name"])


def fault(response: TestResponse, label: str) -> str:
    """Return the words of the fault that is told at the field with this label."""
    page = soup(response)
    found = next(each for each in page.find_all("label") if words(each) == label)
    control = page.find(id=str(found["for"]))
    assert isinstance(control, Tag)
    assert control.get("aria-invalid") == "true"
    return words(page.find(id=str(control["aria-describedby"]).split()[-1]))


def words(tag: Any) -> str:
    """Return the text of an element, with single spaces."""
    return " ".join(tag.get_text(" ").split())
