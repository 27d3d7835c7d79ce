"""Signing up, in and out."""

import threading
import time
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.event import OPERATOR
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.roles import Role
from tests.factories import PASSWORD, Person
from tests.helpers import HTMX, Visitor, soup, text
from tests.teams import invite
from tests.web.forms import fault, press

NEW = {"Name": "Erin", "Email": "erin@example.com", "Password": "a long enough one"}
GOOD, BAD = {"Password": PASSWORD}, {"Password": "not the password"}


def is_signed_in(visitor):
    return visitor.get("/settings/profile").status_code == 200


def sign_up(visitor, **changes):
    visitor.get("/sign-up")
    return press(visitor, "Create Account", NEW | changes)


def sign_in(visitor, email, fields, path="/sign-in", **options):
    visitor.get(path)
    return press(visitor, "Sign In", {"Email": email} | fields, **options)


def cookie(visitor):
    return visitor.client.get_cookie("pulse").value


def with_cookie(app, value):
    visitor = Visitor(app)
    visitor.client.set_cookie("pulse", value)
    return visitor


def filled_in(visitor):
    """A browser with the sign-in form filled in, for another thread to send."""
    proof = visitor.csrf_token("/sign-in")
    return visitor.client, {"csrf_token": proof, "email": "nobody@example.com", "password": "whatever it is"}


def bare(response):
    """A reply without what is different in each: the form's proof, and the address that was typed."""
    page = soup(response)
    for field in page.find_all("input", {"name": ["csrf_token", "email"]}):
        field.decompose()
    return str(page)


# --- signing up ---


def test_signing_up_makes_an_owner_and_signs_in(visitor):
    reply = sign_up(visitor)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    assert is_signed_in(visitor)
    (place,) = User.by_email(db.session, "ERIN@example.com").memberships
    assert (place.role, place.team.plan.value) == (Role.OWNER, "free")


@pytest.mark.parametrize(
    ("label", "value", "told"),
    [
        ("Name", "  ", "Enter a name."),
        ("Name", "a\u202eb", "change the direction"),
        ("Name", "x" * 101, "at most 100"),
        ("Email", "nope", "Enter an email address"),
        ("Email", "a@b@example.com", "Enter an email address"),
        ("Email", "a@example.com\r\nBcc: b@example.com", "Enter an email address"),
        ("Email", "x" * 300 + "@example.com", "at most 254"),
        ("Password", "short", "at least 8"),
        ("Password", "password123", "most common"),
        ("Password", "x" * 1025, "at most 1,024"),
    ],
)
def test_a_refused_sign_up_says_why_at_the_field(visitor, label, value, told):
    reply = sign_up(visitor, **{label: value})

    assert reply.status_code == 422
    assert told in fault(reply, label)
    assert not is_signed_in(visitor)


def test_a_refused_form_keeps_the_words_but_no_password(visitor):
    page = sign_up(visitor, Email="nope", Password="a secret one that is long").get_data(as_text=True)

    assert 'value="Erin"' in page
    assert 'value="nope"' in page
    assert "a secret one" not in page


@pytest.mark.parametrize(
    "password",
    ["x" * 72 + "a", "\U0001f511" * 64, " spaces at the ends ", "nul\0inside it"],
    ids=["73 bytes", "64 emoji", "spaces", "NUL"],
)
def test_any_long_enough_password_counts_to_its_last_character(app, visitor, other_browser, password):
    sign_up(visitor, Password=password)

    assert sign_in(other_browser, NEW["Email"], {"Password": password[:-1] + "b"}).status_code == 422
    assert sign_in(other_browser, NEW["Email"], {"Password": password}).status_code == 303


def test_an_address_is_taken_in_any_spelling(visitor, alice):
    reply = sign_up(visitor, Email="ALICE@EXAMPLE.com ")

    assert reply.status_code == 422
    assert "already has an account" in fault(reply, "Email")


def test_sign_up_is_throttled_by_address(app, visitor):
    replies = [sign_up(Visitor(app), Email=f"erin{number}@example.com").status_code for number in range(12)]

    assert replies == [303] * 10 + [429] * 2
    assert User.by_email(db.session, "erin11@example.com") is None


# --- signing in ---


def test_signing_in_leads_to_monitors_and_home_does_too(visitor, alice):
    assert visitor.get("/").headers["Location"] == "/sign-in"

    reply = sign_in(visitor, alice.email, GOOD)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")
    assert visitor.get("/").headers["Location"] == "/monitors"
    assert visitor.get("/sign-in").headers["Location"] == "/monitors"


def test_an_unknown_address_is_answered_like_a_wrong_password(app, alice):
    known = sign_in(Visitor(app), alice.email, BAD)
    unknown = sign_in(Visitor(app), "nobody@example.com", BAD)

    assert known.status_code == unknown.status_code == 422
    assert bare(known) == bare(unknown)
    assert "Wrong email or password." in text(known)
    assert {name for name, _ in known.headers} == {name for name, _ in unknown.headers}


def test_a_suspended_account_is_told_so_only_for_the_right_password(app, visitor, alice):
    alice.user.suspend(db.session, OPERATOR)
    db.session.commit()

    wrong, right = sign_in(Visitor(app), alice.email, BAD), sign_in(visitor, alice.email, GOOD)

    assert bare(wrong) == bare(sign_in(Visitor(app), "nobody@example.com", BAD))
    assert "suspended" in text(right)
    assert not is_signed_in(visitor)


def test_suspending_ends_a_session_at_its_next_request(visitor, alice):
    visitor.sign_in(alice)
    alice.user.suspend(db.session, OPERATOR)
    db.session.commit()

    assert not is_signed_in(visitor)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/%09/evil.example\n",
        "/\r\nSet-Cookie: a=b",
        " /settings",
        "settings",
        "/é",
        "",
        "http:/evil.example",
        "/settings\n",
        "/\x00",
        "/sign-out",
        "/sign-out?again",
    ],
)
def test_only_a_path_of_ours_is_gone_to_afterwards(visitor, alice, wanted):
    visitor.get("/sign-in")

    reply = visitor.submit("/sign-in", {"email": alice.email, "password": PASSWORD}, query_string={"next": wanted})

    assert (reply.status_code, reply.headers["Location"]) == (303, "/monitors")


def test_whoever_has_to_sign_in_comes_back_to_where_they_were(visitor, alice):
    sent = visitor.get("/settings/api-keys/new?name=CI&ability=key:rotate").headers["Location"]

    reply = sign_in(visitor, alice.email, GOOD, sent)

    assert reply.headers["Location"] == "/settings/api-keys/new?name=CI&ability=key:rotate"


def test_under_htmx_an_ended_session_leads_the_whole_page_to_sign_in(visitor, alice):
    visitor.sign_in(alice)
    page = visitor.get("/settings/profile")
    BrowserSession.end_all(db.session, alice.user_id)
    db.session.commit()
    proof = soup(page).find("input", {"name": "csrf_token"})["value"]

    read = visitor.fragment("/settings/profile")
    act = visitor.post("/settings/profile/revoke-keys", {"csrf_token": proof}, headers=HTMX)
    stale = visitor.post("/settings/profile/revoke-keys", {"csrf_token": "old"}, headers=HTMX)

    for reply in (read, act, stale):
        assert (reply.status_code, reply.headers["HX-Redirect"]) == (200, "/sign-in")
        assert reply.get_data() == b""


# --- sessions ---


def test_signing_out_ends_the_session_for_a_copied_cookie(app, visitor, alice):
    visitor.sign_in(alice)
    copied = with_cookie(app, cookie(visitor))
    assert is_signed_in(copied)

    visitor.get("/settings/profile")
    reply = press(visitor, "Sign Out")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/sign-in")
    assert reply.headers["Clear-Site-Data"] == '"storage"'
    assert not is_signed_in(visitor)
    assert not is_signed_in(copied)


def test_a_cookie_planted_before_signing_in_is_no_session_after(app, visitor, alice):
    visitor.get("/sign-in")
    planted = cookie(visitor)

    sign_in(visitor, alice.email, GOOD)

    assert cookie(visitor) != planted
    assert not is_signed_in(with_cookie(app, planted))


def test_signing_in_again_makes_a_new_session_and_ends_the_one_before(app, visitor, alice):
    visitor.sign_in(alice)
    before = cookie(visitor)

    visitor.sign_in(alice)

    assert cookie(visitor) != before
    assert not is_signed_in(with_cookie(app, before))
    assert len(BrowserSession.of_user(db.session, alice.user_id)) == 1


@pytest.mark.parametrize("column", ["last_seen_at", "created_at"])
def test_a_session_runs_out(visitor, alice, column):
    visitor.sign_in(alice)
    old = BrowserSession.of_user(db.session, alice.user_id)[0].created_at.replace(year=2020)
    db.session.execute(update(BrowserSession).values({column: old}))
    db.session.commit()

    assert not is_signed_in(visitor)


def test_over_https_the_cookies_are_bound_to_the_host(app_with, alice):
    visitor = Visitor(app_with(base_url="https://pulse.example"))

    reply = visitor.sign_in(alice)

    cookies = reply.headers.getlist("Set-Cookie")
    assert sorted(each.split("=")[0] for each in cookies) == ["__Host-pulse", "__Host-pulse-known"]
    for each in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(each.split("; "))
        assert "Domain" not in each


def test_a_refusal_does_not_wait_for_itself_to_note_the_visit(visitor, alice):
    visitor.sign_in(alice)
    visitor.get("/settings/profile")
    db.session.execute(update(BrowserSession).values(last_seen_at=utcnow() - timedelta(minutes=5)))
    db.session.commit()
    began = time.monotonic()

    reply = press(visitor, "Save Changes", {"Name": ""})

    assert reply.status_code == 422
    assert time.monotonic() - began < 2
    db.session.rollback()
    assert utcnow() - BrowserSession.of_user(db.session, alice.user_id)[0].last_seen_at < timedelta(minutes=1)


# --- throttles ---


def test_wrong_passwords_are_counted_by_address_whatever_is_said_to_be_forwarded(app, alice):
    replies = [
        sign_in(Visitor(app), f"nobody{number}@example.com", BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(12)
    ]

    assert [reply.status_code for reply in replies] == [422] * 10 + [429] * 2
    assert int(replies[-1].headers["Retry-After"]) <= 15 * 60
    assert "Too many attempts. Wait" in text(replies[-1])
    assert sign_in(Visitor(app), alice.email, GOOD).status_code == 429


def test_wrong_passwords_are_counted_by_account_wherever_they_come_from(app_with, alice):
    app = app_with(trusted_proxies=1)

    replies = [
        sign_in(Visitor(app), alice.email, BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(12)
    ]

    assert replies == [422] * 10 + [429] * 2


def test_a_client_is_its_address_whatever_port_its_proxy_adds(app_with, alice):
    app = app_with(trusted_proxies=1)
    guesses = [f"[2001:db8::{number}]:{number}" for number in range(12)]

    replies = [
        sign_in(Visitor(app), f"nobody{number}@example.com", BAD, headers={"X-Forwarded-For": client}).status_code
        for number, client in enumerate(guesses)
    ]
    elsewhere = sign_in(Visitor(app), alice.email, GOOD, headers={"X-Forwarded-For": "192.0.2.7:50123"})

    assert replies == [422] * 10 + [429] * 2
    assert elsewhere.status_code == 303
    assert BrowserSession.of_user(db.session, alice.user_id)[0].address == "192.0.2.7"


def test_at_a_proxy_that_tells_no_addresses_a_stranger_locks_nobody_out(app_with, alice, capfd):
    app = app_with(trusted_proxies=1)
    hidden = {"X-Forwarded-For": "unknown"}

    replies = [sign_in(Visitor(app), f"nobody{number}@example.com", BAD, headers=hidden).status_code for number in range(12)]
    guesses = [sign_in(Visitor(app), "nobody@example.com", BAD, headers=hidden).status_code for _ in range(11)]

    assert (replies, guesses) == ([422] * 12, [422] * 10 + [429])
    assert sign_in(Visitor(app), alice.email, GOOD, headers=hidden).status_code == 303
    assert capfd.readouterr().out.count("client_address_unknown") == 1


def test_an_account_nobody_has_is_throttled_like_any(app_with, alice):
    app = app_with(trusted_proxies=1)

    replies = [
        sign_in(Visitor(app), "nobody@example.com", BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(11)
    ]

    assert replies[-1].status_code == 429


def test_its_owner_gets_in_while_strangers_keep_guessing(app_with, alice):
    app = app_with(trusted_proxies=1)
    home = Visitor(app)
    home.sign_in(alice)
    for number in range(12):
        sign_in(Visitor(app), alice.email, BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"})
    home.get("/settings/profile")
    press(home, "Sign Out")

    assert sign_in(home, alice.email, GOOD).status_code == 303
    assert sign_in(Visitor(app), alice.email, GOOD).status_code == 429


def test_a_known_browser_is_throttled_too_and_opens_nothing(app_with, alice, charlie):
    app = app_with(trusted_proxies=1)
    home = Visitor(app)
    home.sign_in(charlie)
    known = home.client.get_cookie("pulse-known").value
    thief = Visitor(app)
    thief.client.set_cookie("pulse-known", known)

    replies = [
        sign_in(thief, charlie.email, BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(11)
    ]

    assert replies == [422] * 10 + [429]
    assert not is_signed_in(thief)


def test_a_mark_for_one_account_is_none_for_another(app_with, alice, charlie):
    app = app_with(trusted_proxies=1)
    thief = Visitor(app)
    thief.sign_in(charlie)
    thief.get("/settings/profile")
    press(thief, "Sign Out")
    for number in range(11):
        sign_in(Visitor(app), alice.email, BAD, headers={"X-Forwarded-For": f"198.51.100.{number}"})

    assert sign_in(thief, alice.email, BAD).status_code == 429


def test_right_passwords_count_for_nothing(app, alice):
    replies = [sign_in(Visitor(app), alice.email, GOOD).status_code for _ in range(15)]

    assert replies == [303] * 15


def test_knowing_one_password_does_not_pay_for_guessing_others(app, alice, charlie):
    for number in range(10):
        sign_in(Visitor(app), charlie.email, GOOD)
        assert sign_in(Visitor(app), f"nobody{number}@example.com", BAD).status_code == 422

    assert sign_in(Visitor(app), "nobody@example.com", BAD).status_code == 429


def test_who_waits_as_long_as_told_gets_in(app, alice):
    for _ in range(11):
        sign_in(Visitor(app), alice.email, BAD)
    refused = sign_in(Visitor(app), alice.email, GOOD)

    with time_machine.travel(utcnow() + timedelta(seconds=int(refused.headers["Retry-After"]))):
        reply = sign_in(Visitor(app), alice.email, GOOD)

    assert (refused.status_code, reply.status_code) == (429, 303)


@pytest.mark.parametrize("number", range(3))
def test_addresses_of_one_ipv6_network_are_one(app, number):
    replies = [
        sign_in(Visitor(app), f"nobody{each}@example.com", BAD, environ_overrides={"REMOTE_ADDR": f"2001:db8::{number}:{each}"})
        for each in range(11)
    ]

    assert replies[-1].status_code == 429


def test_many_tries_at_once_do_not_slip_through(app):
    statuses = []

    def guess(client, form):
        statuses.append(client.post("/sign-in", data=form).status_code)

    threads = [threading.Thread(target=guess, args=filled_in(Visitor(app))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [422] * 10 + [429] * 6


def test_nobody_waits_for_a_password_that_is_being_hashed(app_with, alice):
    client, form = filled_in(Visitor(app_with(password_cost=13)))
    signing_in = threading.Thread(target=client.post, args=("/sign-in",), kwargs={"data": form})
    written = 0

    signing_in.start()
    while signing_in.is_alive():
        db.session.execute(update(User).values(theme="dark"))
        db.session.commit()
        written += 1

    assert written > 5


def sign_out_and_in(browser, person):
    browser.submit("/sign-out", page="/monitors")
    browser.sign_in(person)
    return text(browser.get("/settings/billing"))


def test_signing_in_leads_to_the_team_that_was_chosen_last(visitor, other_browser, alice, bob):
    visitor.sign_in(bob)
    visitor.submit("/organization/switch", {"team_id": alice.team_id}, page="/monitors")

    again, elsewhere = sign_out_and_in(visitor, bob), sign_out_and_in(other_browser, bob)

    assert "Alice’s team is on the" in again
    assert "Alice’s team is on the" in elsewhere


def test_who_was_invited_comes_back_to_the_team_they_joined(visitor, alice, charlie):
    visitor.sign_in(charlie)
    link = f"/invitations/{invite(alice, charlie.email)}"
    visitor.submit(link)

    told = sign_out_and_in(visitor, charlie)

    assert "Alice’s team is on the" in told


def test_who_signed_up_by_an_invitation_comes_back_to_that_team(visitor, alice):
    visitor.get(f"/invitations/{invite(alice, 'erin@example.com')}")
    press(visitor, "Create Account", {"Name": "Erin", "Password": PASSWORD})

    told = sign_out_and_in(visitor, Person(0, 0, "erin@example.com"))

    assert "Alice’s team is on the" in told


def test_who_was_removed_from_the_team_chosen_last_signs_in_to_their_own(visitor, alice, bob):
    visitor.sign_in(bob)
    visitor.submit("/organization/switch", {"team_id": alice.team_id}, page="/monitors")
    db.session.delete(bob.membership(alice.team_id))
    db.session.commit()

    told = sign_out_and_in(visitor, bob)

    assert "Bob’s team is on the" in told
