"""Settings, tab Profile."""

import threading

import pytest

from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.mailed_link import MailedLink
from pulse.models.outbox import Message
from pulse.models.session import BrowserSession
from pulse.models.team import Membership, Team
from pulse.models.user import User
from tests.factories import PASSWORD, make_key, make_person
from tests.helpers import HTMX, Visitor, assert_problem, soup, text
from tests.web.forms import fault, press

NEW = "an entirely new one"
CHANGE = {"Current Password": PASSWORD, "New Password": NEW, "Confirm Password": NEW}


@pytest.fixture
def at_home(visitor, alice):
    """Alice, signed in, looking at her profile."""
    visitor.sign_in(alice)
    visitor.get("/settings/profile")
    return visitor


def is_signed_in(visitor):
    return visitor.get("/settings/profile").status_code == 200


def copy_of(app, visitor):
    """Another browser with a copy of the cookie."""
    other = Visitor(app)
    other.client.set_cookie("pulse", visitor.client.get_cookie("pulse").value)
    return other


def test_settings_lead_to_the_profile(at_home):
    assert at_home.get("/settings").headers["Location"] == "/settings/profile"


def test_the_tab_comes_as_a_page_and_as_a_fragment(at_home):
    page, fragment = at_home.get("/settings/profile"), at_home.fragment("/settings/profile")

    assert soup(page).find("html")
    assert not soup(fragment).find("html")
    assert soup(fragment).find("title").get_text() == "Profile · Settings · Pulse"
    assert "HX-Request-Type" in fragment.headers["Vary"]
    assert page.headers["Cache-Control"] == fragment.headers["Cache-Control"] == "no-store"


# --- who one is ---


def test_name_timezone_and_theme_are_saved(at_home, alice):
    reply = press(at_home, "Save Changes", {"Name": " Alice <b>A</b> ", "Timezone": "Europe/Vienna", "Theme": "dark"})

    assert (reply.status_code, reply.headers["Location"]) == (303, "/settings/profile")
    page = soup(at_home.get("/settings/profile"))
    assert page.find("input", {"name": "name"})["value"] == "Alice <b>A</b>"
    assert page.find("html")["data-theme"] == "dark"
    assert "CET" in text(at_home.last) or "CEST" in text(at_home.last)
    assert not page.find("b")
    assert (alice.user.timezone, alice.user.theme) == ("Europe/Vienna", "dark")


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("Name", ""),
        ("Name", "x" * 101),
        ("Name", "a\0b"),
        ("Email", "nope"),
        ("Timezone", "Mars/Olympus"),
        ("Theme", "pink"),
        ("Timezone", "\0"),
    ],
)
def test_what_cannot_be_saved_is_told_at_its_field(at_home, alice, label, value):
    reply = press(at_home, "Save Changes", {label: value})

    assert reply.status_code == 422
    assert fault(reply, label)
    assert (alice.user.name, alice.user.timezone, alice.user.theme) == ("Alice", "UTC", "system")


def test_nobody_makes_themselves_staff_by_a_field(at_home, alice):
    at_home.submit(
        "/settings/profile",
        {
            "name": "Alice",
            "email": alice.email,
            "timezone": "UTC",
            "theme": "dark",
            "is_staff": "1",
            "staff_since": "2020-01-01",
            "plan_name": "team",
        },
    )

    assert alice.user.theme == "dark"
    assert not alice.user.is_staff


# --- the password ---


def test_a_new_password_ends_every_other_session(app, at_home, other_browser, alice):
    other_browser.sign_in(alice)
    before = copy_of(app, at_home)

    reply = press(at_home, "Update Password", CHANGE)

    assert reply.status_code == 303
    assert "Your password was changed" in text(at_home.get("/settings/profile"))
    assert not is_signed_in(other_browser)
    assert not is_signed_in(before)
    assert Visitor(app).sign_in(alice).status_code == 422
    assert Visitor(app).sign_in(alice, NEW).status_code == 303


def test_a_new_password_leaves_keys_alone_and_offers_to_revoke_them(at_home, api, alice):
    token = make_key(alice).token
    press(at_home, "Update Password", CHANGE)

    page = at_home.get("/settings/profile")

    assert "Your API keys were left alone" in text(page)
    assert soup(page).find("a", string="Revoke All API Keys")
    assert api.get("/key", token).status_code == 200


def test_a_new_password_ends_links_that_were_mailed(at_home, other_browser, post, alice):
    press(at_home, "Save Changes", {"Email": "thief@example.com"})
    press(at_home, "Save Changes", {"Password": PASSWORD})
    other_browser.submit("/forgot-password", {"email": alice.email})
    links = [post.link("thief@example.com"), post.link(alice.email)]
    at_home.get("/settings/profile")

    press(at_home, "Update Password", CHANGE)

    assert [other_browser.get(link).status_code for link in links] == [410, 410]


def test_a_new_password_is_told_by_mail_without_telling_it(at_home, post, alice):
    press(at_home, "Update Password", CHANGE)

    (mail,) = post.to(alice.email)

    assert mail.subject == "Your Pulse password was changed"
    assert NEW not in mail.body
    assert PASSWORD not in mail.body


@pytest.mark.parametrize(
    ("changed", "label", "told"),
    [
        ({"Current Password": "wrong"}, "Current Password", "not your password"),
        ({"Current Password": ""}, "Current Password", "Enter your password"),
        ({"Current Password": "x" * 2000}, "Current Password", "at most 1,024"),
        ({"New Password": "short", "Confirm Password": "short"}, "New Password", "at least 8"),
        ({"New Password": "x" * 1025, "Confirm Password": "x" * 1025}, "New Password", "at most 1,024"),
        ({"Confirm Password": "another one"}, "Confirm Password", "not the same"),
    ],
)
def test_a_refused_new_password_changes_nothing(app, at_home, other_browser, alice, changed, label, told):
    other_browser.sign_in(alice)

    reply = press(at_home, "Update Password", CHANGE | changed)

    assert reply.status_code == 422
    assert told in fault(reply, label)
    assert NEW not in reply.get_data(as_text=True)
    assert is_signed_in(other_browser)
    assert Visitor(app).sign_in(alice).status_code == 303


def test_guessing_the_current_password_is_throttled(at_home):
    statuses = [press(at_home, "Update Password", CHANGE | {"Current Password": "wrong"}).status_code for _ in range(12)]

    assert statuses == [422] * 10 + [429] * 2


def test_the_form_is_there_after_a_reload_of_its_refusal(at_home):
    press(at_home, "Update Password", CHANGE | {"Current Password": "wrong"})

    assert soup(at_home.get("/settings/profile/password")).find("button", string="Update Password")


def test_all_keys_are_revoked_with_one_button(at_home, api, alice, bob):
    issued = [make_key(alice, name=name).token for name in ("CI", "Zapier")]
    bobs = make_key(bob, team_id=alice.team_id).token

    asked = at_home.get("/settings/profile/revoke-keys")
    assert "All 2 of your API keys" in text(asked)
    assert api.get("/key", issued[0]).status_code == 200
    reply = press(at_home, "Revoke All API Keys")

    assert reply.status_code == 303
    assert "2 API keys were revoked." in text(at_home.get("/settings/profile"))
    for token in issued:
        assert_problem(api.get("/key", token), 401, "token_deleted")
    assert api.get("/key", bobs).status_code == 200


# --- sessions ---


def test_sessions_are_listed_and_the_present_one_is_named(at_home, other_browser, alice):
    other_browser.submit(
        "/sign-in", {"email": alice.email, "password": PASSWORD}, headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
    )

    rows = soup(at_home.get("/settings/profile")).find("table").find("tbody").find_all("tr")

    assert len(rows) == 2
    assert ["This session" in row.get_text() for row in rows].count(True) == 1
    assert "Firefox on Linux" in rows[0].get_text()


def test_another_session_is_ended(at_home, other_browser, alice):
    other_browser.sign_in(alice)
    at_home.get("/settings/profile")

    reply = press(at_home, "End Session of Unknown browser, 127.0.0.1")

    assert reply.status_code == 303
    assert not is_signed_in(other_browser)
    assert "That session was ended." in text(at_home.get("/settings/profile"))


def test_ending_a_session_under_htmx_redraws_the_panel(at_home, other_browser, alice):
    other_browser.sign_in(alice)
    at_home.get("/settings/profile")

    reply = press(at_home, "End Session of Unknown browser, 127.0.0.1", headers=HTMX)

    assert reply.status_code == 200
    assert not soup(reply).find("html")
    assert "That session was ended." in text(reply)
    assert len(soup(reply).find("tbody").find_all("tr")) == 1


def test_ending_the_present_session_signs_out(at_home, alice):
    (mine,) = BrowserSession.of_user(db.session, alice.user_id)

    reply = at_home.submit(f"/settings/profile/sessions/{mine.id}/end", page="/settings/profile")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/sign-in")
    assert not is_signed_in(at_home)


@pytest.mark.parametrize("number", ["0", "999999", "99999999999999999999", "-1", "1e3", "٣"])
def test_a_session_that_is_not_there_is_not_found(at_home, number):
    assert at_home.submit(f"/settings/profile/sessions/{number}/end", page="/settings/profile").status_code == 404


def test_charlie_cannot_end_alices_session(at_home, other_browser, alice, charlie):
    (mine,) = BrowserSession.of_user(db.session, alice.user_id)
    mine = mine.id
    other_browser.sign_in(charlie)

    reply = other_browser.submit(f"/settings/profile/sessions/{mine}/end", page="/settings/profile")

    assert reply.status_code == 404
    assert is_signed_in(at_home)


# --- the end of the account ---


def delete_account(visitor, password=PASSWORD, **options):
    visitor.get("/settings/profile/delete-account")
    return press(visitor, "Delete My Account", {"Password": password}, **options)


@pytest.mark.parametrize(("password", "status"), [("wrong", 422), ("", 422), ("x" * 2000, 422)])
def test_an_account_is_not_deleted_without_its_password(at_home, alice, password, status):
    reply = delete_account(at_home, password)

    assert reply.status_code == status
    assert fault(reply, "Password")
    assert alice.user.name == "Alice"
    assert is_signed_in(at_home)


def test_a_refusal_under_htmx_is_the_dialog_alone(at_home):
    reply = delete_account(at_home, "wrong", headers=HTMX)

    assert reply.status_code == 422
    assert soup(reply).find("dialog")
    assert not soup(reply).find("table")


def test_deleting_removes_the_person_the_team_and_the_keys(app, api, at_home, other_browser, post, alice, bob):
    other_browser.sign_in(alice)
    alices, bobs = make_key(alice).token, make_key(bob, team_id=alice.team_id).token
    copied = copy_of(app, at_home)

    reply = delete_account(at_home)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/sign-in")
    assert "Your account was deleted." in text(at_home.get("/sign-in"))
    for each in (at_home, other_browser, copied):
        assert not is_signed_in(each)
    for token in (alices, bobs):
        assert_problem(api.get("/key", token), 401, "token_unknown")
    assert Visitor(app).sign_in(alice).status_code == 422
    db.session.rollback()
    assert db.session.get(Team, alice.team_id) is None
    assert [place.team_id for place in db.session.query(Membership)] == [bob.team_id]
    assert [mail.subject for mail in post.to(alice.email)] == ["Your Pulse account was deleted"]


def test_deleting_leaves_no_word_about_the_person(app, at_home, alice):
    make_key(alice, name="Canary key")
    at_home.submit("/forgot-password", {"email": alice.email})
    delete_account(at_home)
    db.session.rollback()
    (farewell,) = db.session.query(Message)
    assert farewell.subject == "Your Pulse account was deleted"

    rows = [
        [str(value) for value in row]
        for table in (User, Team, ApiKey, BrowserSession, MailedLink, Event)
        for row in db.session.execute(table.__table__.select())
    ]

    assert not [row for row in rows if any(word in value for value in row for word in ("alice", "Alice", "Canary", "127.0.0.1"))]


def test_whoever_signs_up_next_inherits_nothing(app, api, at_home, visitor, post, alice):
    token = make_key(alice).token
    Visitor(app).submit("/forgot-password", {"email": alice.email})
    link, copied = post.link(alice.email), copy_of(app, at_home)
    delete_account(at_home)

    again = make_person(app, "Alice", alice.email)

    assert again.user_id > alice.user_id
    assert again.team_id > alice.team_id
    assert not is_signed_in(copied)
    assert_problem(api.get("/key", token), 401, "token_unknown")
    assert Visitor(app).get(link).status_code == 410
    assert ApiKey.of_user(db.session, again.user_id) == []


def test_a_double_click_on_delete_deletes_once_and_fails_nowhere(at_home, alice):
    proof, statuses = at_home.csrf_token("/settings/profile"), []
    cookie = at_home.client.get_cookie("pulse").value

    def delete(client):
        client.set_cookie("pulse", cookie)
        reply = client.post("/settings/profile/delete-account", data={"csrf_token": proof, "password": PASSWORD})
        statuses.append((reply.status_code, reply.headers["Location"]))

    threads = [threading.Thread(target=delete, args=(Visitor(at_home.client.application).client,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [(303, "/sign-in")] * 6


def test_a_stolen_session_cannot_guess_its_way_to_the_end(at_home, alice):
    statuses = [delete_account(at_home, "wrong").status_code for _ in range(11)]

    assert statuses[-1] == 429
    assert delete_account(at_home).status_code == 429
    assert alice.user.name == "Alice"


def test_how_long_a_password_must_be_is_said_once(visitor, alice):
    visitor.sign_in(alice)
    before = text(visitor.get("/settings/profile"))

    after = text(press(visitor, "Update Password", {"Current Password": PASSWORD, "New Password": "short"}))

    assert [told.lower().count("at least 8 characters") for told in (before, after)] == [1, 1]
