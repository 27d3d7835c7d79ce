"""Forms that come after their page's session has ended: nothing is done, and nothing that was typed is lost."""

import pytest
from sqlalchemy import delete, select

from pulse.extensions import db
from pulse.models.monitor import Monitor
from pulse.models.session import BrowserSession
from tests.helpers import HTMX, soup, text

OURS = {"Sec-Fetch-Site": "same-origin"}
TYPED = {"name": 'Shop "one" <b>', "url": "https://example.com/", "interval": "300", "password": "hunter2"}


def end_all_sessions():
    db.session.execute(delete(BrowserSession))
    db.session.commit()


def kept_form(reply):
    form = soup(reply).find("form", {"action": "/monitors/new"})
    assert form is not None
    return {field["name"]: field["value"] for field in form.find_all("input")}


def monitor_names():
    db.session.rollback()
    return list(db.session.scalars(select(Monitor.name)))


def whole_form(visitor):
    """What the form for a new monitor sends as it is opened, with a name and an address."""
    page = soup(visitor.get("/monitors/new")).find("form", {"method": "post"})
    fields = {field["name"]: field.get("value", "") for field in page.find_all("input") if field.get("type") != "checkbox"}
    fields |= {field["name"]: "on" for field in page.find_all("input", {"type": "checkbox", "checked": True})}
    fields |= {
        field["name"]: (field.find("option", selected=True) or field.find("option"))["value"] for field in page.find_all("select")
    }
    return fields | {"name": TYPED["name"], "url": TYPED["url"]}


@pytest.mark.parametrize("ended", ["cookie gone", "session ended"])
def test_a_form_sent_after_the_session_ended_is_kept_and_sent_again_after_sign_in(visitor, alice, ended):
    visitor.sign_in(alice)
    filled = whole_form(visitor)
    if ended == "cookie gone":
        visitor.client.delete_cookie("pulse")
    else:
        end_all_sessions()

    signed_out = visitor.post("/monitors/new", filled, headers=OURS)
    visitor.sign_in(alice)
    asked = visitor.post("/monitors/new", kept_form(signed_out), headers=OURS)
    done = visitor.post("/monitors/new", kept_form(asked), headers=OURS)

    assert (signed_out.status_code, asked.status_code, done.status_code) == (403, 400, 303)
    assert "You have been signed out" in text(signed_out)
    assert "Passwords are not kept" not in text(signed_out)
    assert "Send this again?" in text(asked)
    assert monitor_names() == [TYPED["name"]]


def test_an_old_page_of_an_earlier_session_is_sent_again_by_a_press(visitor, alice):
    visitor.sign_in(alice)
    filled = whole_form(visitor)
    visitor.submit("/sign-out", page="/settings/profile")
    visitor.sign_in(alice)

    asked = visitor.post("/monitors/new", filled, headers=OURS)

    assert asked.status_code == 400
    assert monitor_names() == []
    assert visitor.post("/monitors/new", kept_form(asked), headers=OURS).status_code == 303
    assert monitor_names() == [TYPED["name"]]


def test_no_password_and_no_old_proof_is_kept(visitor, alice):
    visitor.sign_in(alice)

    reply = visitor.post("/monitors/new", TYPED | {"csrf_token": "old", "new_password": "hunter3"}, headers=OURS)

    fields = kept_form(reply)
    assert fields.pop("csrf_token") not in ("", "old")
    assert fields == {name: value for name, value in TYPED.items() if name != "password"}
    assert b"hunter" not in reply.data
    assert "Passwords are not kept" in text(reply)
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example"}])
def test_nothing_is_kept_of_a_form_that_no_page_of_ours_sent(visitor, alice, headers):
    visitor.sign_in(alice)

    reply = visitor.post("/monitors/new", TYPED, headers=headers)

    assert reply.status_code == 400
    assert b"Shop" not in reply.data


def test_what_htmx_asks_after_the_end_leads_back_to_its_page(visitor):
    here = HTMX | {"HX-Current-URL": "http://localhost/settings/api-keys?expiring=1"}

    reply = visitor.get("/settings/api-keys/new", headers=here)

    assert reply.headers["HX-Redirect"] == "/sign-in?next=/settings/api-keys?expiring%3D1"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/monitors", "//evil.example/", "javascript:alert(1)", "http://[", ""])
def test_it_never_leads_to_another_site(visitor, elsewhere):
    reply = visitor.get("/settings/api-keys/new", headers=HTMX | {"HX-Current-URL": elsewhere})

    assert reply.headers["HX-Redirect"] == "/sign-in"
