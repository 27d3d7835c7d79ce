"""What the link of an invitation opens."""

import pytest

from pulse.extensions import db
from pulse.models.invitation import Invitation
from pulse.models.user import User
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import PASSWORD, make_key
from tests.helpers import Visitor, soup, text
from tests.teams import invite, roles_of
from tests.web.forms import fault, press, words

NEW = "new@example.com"


@pytest.fixture
def link(alice) -> str:
    """The path of an invitation for somebody who has no account."""
    return f"/invitations/{invite(alice, NEW, Role.ADMIN)}"


@pytest.fixture
def charlies(alice, charlie) -> str:
    """The path of an invitation for Charlie."""
    return f"/invitations/{invite(alice, charlie.email)}"


def buttons(reply):
    return [words(each) for each in soup(reply).find("main").find_all("button")]


def test_whoever_has_the_address_joins_with_one_button(visitor, alice, charlie, charlies):
    visitor.sign_in(charlie)

    page = visitor.get(charlies)
    reply = press(visitor, "Join")

    assert "Alice invited charlie@example.com to join Alice’s team as Member." in text(page)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    assert roles_of(alice.team_id)[charlie.email] == "member"
    shown = text(visitor.get("/monitors"))
    assert "You are now a member of Alice’s team." in shown
    assert "Monitors of Alice’s team" in shown or "Alice’s team" in shown


def test_opening_it_changes_nothing_and_it_works_once(visitor, other_browser, alice, charlie, charlies):
    visitor.sign_in(charlie)
    for _ in range(3):
        assert visitor.get(charlies).status_code == 200
    assert charlie.email not in roles_of(alice.team_id)

    press(visitor, "Join")

    for browser in (visitor, other_browser):
        ended = browser.get(charlies)
        assert ended.status_code == 410
        assert "This invitation is no longer valid" in text(ended)


def test_for_another_person_it_says_what_to_do(visitor, alice, bob, charlies):
    visitor.sign_in(bob)

    page = visitor.get(charlies)
    forced = visitor.submit(charlies)

    assert "You are signed in as bob@example.com" in text(page)
    assert "sign in as charlie@example.com" in text(page)
    assert buttons(page) == ["Sign Out"]
    assert forced.status_code == 403
    assert set(roles_of(alice.team_id)) == {alice.email, bob.email}


def test_whoever_has_an_account_signs_in_and_comes_back(visitor, alice, charlie, charlies):
    page = visitor.get(charlies)
    sign_in = soup(page).find("main").find("a", string="Sign In")["href"]
    visitor.get(sign_in)

    reply = press(visitor, "Sign In", {"Email": charlie.email, "Password": PASSWORD})

    assert reply.headers["Location"] == charlies
    visitor.get(charlies)
    assert press(visitor, "Join").status_code == 303
    assert charlie.email in roles_of(alice.team_id)


def test_a_new_person_signs_up_with_that_address_and_has_joined(visitor, alice, link):
    page = visitor.get(link)
    assert soup(page).find(id="email")["value"] == NEW

    reply = press(visitor, "Create Account", {"Name": "Nora", "Password": PASSWORD})

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    assert roles_of(alice.team_id)[NEW] == "admin"
    user = User.by_email(db.session, NEW)
    assert [(each.team.name, each.role) for each in user.memberships] == [
        ("Nora’s team", Role.OWNER),
        ("Alice’s team", Role.ADMIN),
    ]
    assert "Alice’s team" in text(visitor.get("/settings/billing"))


def test_no_other_address_signs_up_by_it(visitor, alice, link):
    visitor.get(link)

    visitor.submit(link, {"name": "Nora", "password": PASSWORD, "email": "evil@example.com", "role": "owner"})

    assert User.by_email(db.session, "evil@example.com") is None
    assert roles_of(alice.team_id)[NEW] == "admin"


def test_what_was_typed_comes_back_with_its_fault(visitor, alice, link):
    visitor.get(link)

    reply = press(visitor, "Create Account", {"Name": "Nora", "Password": "short"})

    assert reply.status_code == 422
    assert "8" in fault(reply, "Password")
    assert soup(reply).find(id="name")["value"] == "Nora"
    assert "value" not in soup(reply).find(id="password").attrs or not soup(reply).find(id="password")["value"]
    assert User.by_email(db.session, NEW) is None
    assert visitor.get(link).status_code == 200


def test_where_no_place_is_left_no_account_is_made(visitor, alice, bob, link):
    alice.set_plan(Plan.FREE)
    visitor.get(link)

    reply = press(visitor, "Create Account", {"Name": "Nora", "Password": PASSWORD})

    assert reply.status_code == 422
    assert "no seats left" in text(reply)
    assert User.by_email(db.session, NEW) is None
    assert visitor.get("/monitors").status_code == 303


def test_where_no_place_is_left_a_known_person_is_told_and_may_try_again(visitor, alice, bob, charlie, charlies):
    alice.set_plan(Plan.FREE)
    visitor.sign_in(charlie)
    visitor.get(charlies)

    assert "no seats left" in text(press(visitor, "Join"))
    alice.set_plan(Plan.STARTER)

    assert press(visitor, "Join").status_code == 303


def test_signing_up_by_it_is_counted_like_any_sign_up(visitor, app_with, alice, link):
    browser = Visitor(app_with(signup_limit="1 per hour"))
    browser.submit("/sign-up", {"name": "First", "email": "first@example.com", "password": PASSWORD})
    browser = Visitor(browser.client.application)
    browser.get(link)

    reply = press(browser, "Create Account", {"Name": "Nora", "Password": PASSWORD})

    assert reply.status_code == 429
    assert "Retry-After" in reply.headers


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200])
def test_a_guessed_link_has_ended(visitor, token):
    assert visitor.get(f"/invitations/{token}").status_code == 410


def test_the_page_is_kept_nowhere_and_tells_no_other_host(visitor, link):
    page = visitor.get(link)

    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert link.rpartition("/")[2] not in page.headers.get("Set-Cookie", "")


def test_joining_needs_the_forms_proof(visitor, alice, charlie, charlies):
    visitor.sign_in(charlie)

    assert visitor.post(charlies).status_code == 400

    assert charlie.email not in roles_of(alice.team_id)


def test_hostile_names_stay_words(visitor, alice, charlie):
    alice.team.name = "<script>alert(1)</script>"
    alice.user.name = "{{7*7}}<b>"
    db.session.commit()
    path = f"/invitations/{invite(alice, charlie.email)}"

    page = visitor.get(path)

    assert soup(page).find("script", string="alert(1)") is None
    assert "<b>" not in page.get_data(as_text=True)
    assert "{{7*7}}<b>" in text(page)


def test_the_keys_of_an_earlier_membership_stay_dead_after_joining_again(visitor, api, alice, bob):
    old = make_key(bob, team_id=alice.team_id).token
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()
    path = f"/invitations/{invite(alice, bob.email)}"
    visitor.sign_in(bob)
    visitor.get(path)

    press(visitor, "Join")

    assert api.get("/key", old).get_json()["code"] == "token_deleted"


def test_an_account_that_is_deleted_takes_its_invitations_along(visitor, alice, charlie, charlies):
    visitor.sign_in(charlie)
    visitor.submit("/settings/profile/delete-account", {"password": PASSWORD})

    db.session.rollback()
    assert db.session.query(Invitation).count() == 0
