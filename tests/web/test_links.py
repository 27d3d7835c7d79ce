"""Links in mails: a forgotten password, a new address."""

import threading
import time
from datetime import timedelta
from statistics import median

import pytest
import time_machine

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.event import OPERATOR
from pulse.models.mailed_link import MailedLink
from pulse.models.throttle import Throttle
from pulse.web.attempts import MAILS
from tests.factories import PASSWORD, make_key
from tests.helpers import Visitor, soup, text
from tests.web.forms import fault, press

NEW = "an entirely new one"
BOTH = {"New Password": NEW, "Confirm Password": NEW}


def ask(visitor, email, **options):
    visitor.get("/forgot-password")
    return press(visitor, "Send Reset Link", {"Email": email}, **options)


def reset(visitor, link, fields=BOTH):
    """Open the link and set a new password; `None` when the link has ended."""
    if visitor.get(link).status_code == 410:
        return None
    return press(visitor, "Set New Password", fields)


def signs_in(app, email, password):
    return Visitor(app).submit("/sign-in", {"email": email, "password": password}).status_code == 303


def is_signed_in(visitor):
    return visitor.get("/settings/profile").status_code == 200


# --- a forgotten password ---


def test_a_forgotten_password_is_replaced(app, visitor, post, alice):
    ask(visitor, "  ALICE@example.com ")

    reply = reset(visitor, post.link(alice.email))

    assert (reply.status_code, reply.headers["Location"]) == (303, "/sign-in")
    assert "Your new password is set" in text(visitor.get("/sign-in"))
    assert signs_in(app, alice.email, NEW)
    assert not signs_in(app, alice.email, PASSWORD)
    assert "was changed" in post.to(alice.email)[-1].subject


def test_nobody_learns_who_has_an_account(app, post, alice):
    known, unknown = Visitor(app), Visitor(app)

    replies = [ask(known, alice.email), ask(unknown, "nobody@example.com")]

    for each in replies:
        assert (each.status_code, each.headers["Location"], each.get_data()) == (303, "/forgot-password", b"")
    assert [name for name, _ in replies[0].headers] == [name for name, _ in replies[1].headers]
    assert text(known.get("/forgot-password")) == text(unknown.get("/forgot-password"))
    assert post.to("nobody@example.com") == []


def test_nor_does_the_time_of_the_answer_tell(app_with, alice):
    app = app_with(signup_limit="10000 per hour", trusted_proxies=1)
    visitor = Visitor(app)
    proof = visitor.csrf_token("/forgot-password")
    took = {alice.email: [], "nobody@example.com": []}

    with app.app_context():
        for number in range(60):
            for email, times in took.items():
                MailedLink.cancel(db.session, alice.user_id)
                db.session.commit()
                forget_mails(email)
                began = time.perf_counter()
                visitor.client.post(
                    "/forgot-password",
                    data={"csrf_token": proof, "email": email},
                    headers={"X-Forwarded-For": f"192.0.2.{number}"},
                )
                times.append(time.perf_counter() - began)

    known, unknown = (median(times) for times in took.values())
    assert abs(known - unknown) < 0.01


def forget_mails(email):
    Throttle.forget(db.session, MAILS, "mail to", email)
    db.session.commit()


def test_looking_at_a_link_does_not_use_it_up(app, visitor, other_browser, post, alice):
    ask(visitor, alice.email)
    link = post.link(alice.email)

    for _ in range(3):
        other_browser.get(link)
        other_browser.open("HEAD", link)

    assert reset(visitor, link).status_code == 303


def test_a_refused_new_password_leaves_the_link_alive(visitor, post, alice):
    ask(visitor, alice.email)
    link = post.link(alice.email)

    short = reset(visitor, link, {"New Password": "short", "Confirm Password": "short"})
    other = reset(visitor, link, {"New Password": NEW, "Confirm Password": "another one"})

    assert (short.status_code, other.status_code) == (422, 422)
    assert "at least 8" in fault(short, "New Password")
    assert "not the same" in fault(other, "Confirm Password")
    assert NEW not in other.get_data(as_text=True)
    assert reset(visitor, link).status_code == 303


def used(app, visitor, post, alice):
    reset(visitor, post.link(alice.email), {"New Password": "the first new one", "Confirm Password": "the first new one"})


def replaced(app, visitor, post, alice):
    ask(visitor, alice.email)


def signed_in(app, visitor, post, alice):
    assert signs_in(app, alice.email, PASSWORD)


def password_changed(app, visitor, post, alice):
    alice.user.change_password(db.session, "x", OPERATOR)
    MailedLink.cancel(db.session, alice.user_id)
    db.session.commit()


def deleted(app, visitor, post, alice):
    alice.user.delete(db.session)
    db.session.commit()


@pytest.mark.parametrize("end", [used, replaced, signed_in, password_changed, deleted])
def test_a_reset_link_ends(app, visitor, post, alice, end):
    ask(visitor, alice.email)
    link = post.link(alice.email)
    stranger = Visitor(app)
    stranger.get(link)

    end(app, visitor, post, alice)

    assert press(stranger, "Set New Password", BOTH).status_code == 410
    assert stranger.get(link).status_code == 410
    assert not signs_in(app, alice.email, NEW)


def test_a_reset_link_ends_after_an_hour(visitor, post, alice):
    ask(visitor, alice.email)
    link = post.link(alice.email)

    with time_machine.travel(utcnow() + timedelta(minutes=59)):
        assert visitor.get(link).status_code == 200
    with time_machine.travel(utcnow() + timedelta(minutes=61)):
        assert "This link no longer works" in text(visitor.get(link))


def test_a_link_is_good_for_its_purpose_alone(visitor, post, alice):
    ask(visitor, alice.email)
    token = post.link(alice.email).rpartition("/")[2]

    assert visitor.get(f"/verify-email/{token}").status_code == 410
    assert visitor.get(f"/reset-password/{token}x").status_code == 410
    assert visitor.get(f"/reset-password/{token[:-1]}").status_code == 410


def test_of_several_uses_at_once_one_sets_the_password(app, visitor, post, alice):
    ask(visitor, alice.email)
    link, statuses = post.link(alice.email), []

    def use(client, form):
        statuses.append(client.post(link, data=form).status_code)

    browsers = [Visitor(app) for _ in range(6)]
    forms = [{"csrf_token": each.csrf_token(link), "new_password": NEW, "confirm_password": NEW} for each in browsers]
    threads = [threading.Thread(target=use, args=(each.client, form)) for each, form in zip(browsers, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [303] + [410] * 5


def test_a_reset_ends_every_session_and_leaves_keys_alone(app, api, visitor, other_browser, post, alice):
    other_browser.sign_in(alice)
    token = make_key(alice).token
    ask(visitor, alice.email)

    reset(visitor, post.link(alice.email))

    assert not is_signed_in(other_browser)
    assert not is_signed_in(visitor)
    assert api.get("/key", token).status_code == 200


def test_whoever_was_locked_out_gets_in_after_a_reset(app_with, post, alice):
    app = app_with(trusted_proxies=1)
    for number in range(12):
        Visitor(app).submit(
            "/sign-in", {"email": alice.email, "password": "x"}, headers={"X-Forwarded-For": f"198.51.100.{number}"}
        )
    visitor = Visitor(app)
    ask(visitor, alice.email)
    reset(visitor, post.link(alice.email))

    assert visitor.submit("/sign-in", {"email": alice.email, "password": NEW}).status_code == 303


def test_links_lead_to_the_address_of_the_settings_whatever_the_request_says(visitor, post, alice):
    foreign = {"base_url": "http://evil.example", "headers": {"X-Forwarded-Host": "evil.example"}}
    visitor.get("/forgot-password", **foreign)

    press(visitor, "Send Reset Link", {"Email": alice.email}, **foreign)

    mails = post.to(alice.email)

    assert len(mails) == 1
    assert "http://localhost:8000/reset-password/" in mails[0].body
    assert "evil" not in mails[0].body


def test_mails_to_one_address_are_limited(app, post, alice):
    replies = [ask(Visitor(app), alice.email).status_code for _ in range(7)]

    assert replies == [303] * 5 + [429] * 2
    assert len(post.to(alice.email)) == 5


def test_mails_asked_for_from_one_address_are_limited(app):
    replies = [ask(Visitor(app), f"nobody{number}@example.com").status_code for number in range(12)]

    assert replies == [303] * 10 + [429] * 2


def test_a_link_is_in_the_log_as_little_as_in_the_database(visitor, post, alice, capfd):
    ask(visitor, alice.email)
    token = post.link(alice.email).rpartition("/")[2]

    visitor.get(f"/reset-password/{token}")
    press(visitor, "Set New Password", BOTH)

    said = capfd.readouterr().out
    assert "/reset-password/" in said
    assert token not in said
    assert NEW not in said
    assert token.encode() not in [row.digest for row in db.session.query(MailedLink)]


# --- a new address ---


def change(visitor, email, password=PASSWORD):
    visitor.get("/settings/profile")
    asked = press(visitor, "Save Changes", {"Email": email})
    if asked.status_code != 422 or not soup(asked).find("label", string="Password"):
        return asked
    return press(visitor, "Save Changes", {"Password": password})


def test_a_new_address_is_the_login_once_it_is_verified(app, visitor, post, alice):
    visitor.sign_in(alice)

    assert change(visitor, "alice@new.example").status_code == 303
    page = visitor.get("/settings/profile")
    assert "Waiting for alice@new.example to be verified" in text(page)
    assert signs_in(app, alice.email, PASSWORD)
    assert not signs_in(app, "alice@new.example", PASSWORD)

    visitor.get(post.link("alice@new.example"))
    reply = press(visitor, "Confirm Address")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/settings/profile")
    assert signs_in(app, "alice@new.example", PASSWORD)
    assert not signs_in(app, alice.email, PASSWORD)
    assert [mail.subject for mail in post.to(alice.email)] == [
        "Request to change your Pulse email address",
        "Your Pulse email address was changed",
    ]


def test_a_new_address_needs_the_password(visitor, post, alice):
    visitor.sign_in(alice)
    visitor.get("/settings/profile")

    without = press(visitor, "Save Changes", {"Email": "alice@new.example"})
    wrong = press(visitor, "Save Changes", {"Password": "wrong"})

    assert (without.status_code, wrong.status_code) == (422, 422)
    assert "Enter your password" in fault(without, "Password")
    assert "This is not your password." in fault(wrong, "Password")
    assert post.to("alice@new.example") == []
    assert alice.user.email == "alice@example.com"


def test_looking_at_the_link_changes_no_address(visitor, other_browser, post, alice):
    visitor.sign_in(alice)
    change(visitor, "alice@new.example")
    link = post.link("alice@new.example")

    other_browser.get(link)
    other_browser.get(link)

    db.session.rollback()
    assert alice.user.email == "alice@example.com"
    assert visitor.get(link).status_code == 200


def test_the_link_works_once_and_only_the_newest(visitor, post, alice):
    visitor.sign_in(alice)
    change(visitor, "alice@first.example")
    first = post.link("alice@first.example")
    change(visitor, "alice@second.example")
    second = post.link("alice@second.example")

    assert visitor.get(first).status_code == 410
    visitor.get(second)
    assert press(visitor, "Confirm Address").status_code == 303
    assert visitor.get(second).status_code == 410
    assert alice.user.email == "alice@second.example"


def test_the_page_of_an_ended_link_leads_to_where_another_is_sent_from(visitor):
    def way_on(link):
        return soup(visitor.get(link)).select_one(".button.primary")

    assert way_on("/verify-email/ended")["href"] == "/settings/profile"
    assert way_on("/reset-password/ended")["href"] == "/forgot-password"


def test_saving_the_address_again_sends_another_link(visitor, post, alice):
    visitor.sign_in(alice)
    change(visitor, "alice@new.example")
    with time_machine.travel(utcnow() + timedelta(minutes=61)):
        told = text(visitor.get(post.link("alice@new.example")))
        change(visitor, "alice@new.example")

        again = visitor.get(post.link("alice@new.example"))

    assert "enter the new one there again: saving it sends another link" in told
    assert "Confirm your new address" in text(again)


def test_an_address_that_is_taken_is_told_to_that_address_alone(visitor, post, alice, charlie):
    visitor.sign_in(alice)

    reply = change(visitor, charlie.email)

    assert reply.status_code == 303
    assert f"Waiting for {charlie.email} to be verified" in text(visitor.get("/settings/profile"))
    assert "already belongs to your account" in post.to(charlie.email)[0].body
    assert "verify-email" not in post.to(charlie.email)[0].body


def test_an_address_that_is_taken_meanwhile_is_refused(app, visitor, other_browser, post, alice):
    visitor.sign_in(alice)
    change(visitor, "erin@example.com")
    link = post.link("erin@example.com")
    other_browser.get("/sign-up")
    press(other_browser, "Create Account", {"Name": "Erin", "Email": "erin@example.com", "Password": "a long enough one"})

    visitor.get(link)
    reply = press(visitor, "Confirm Address")

    assert reply.status_code == 409
    assert "already has an account" in text(reply)
    db.session.rollback()
    assert alice.user.email == "alice@example.com"


def test_a_new_password_stops_a_change_of_address(visitor, other_browser, post, alice):
    visitor.sign_in(alice)
    change(visitor, "thief@example.com")
    link = post.link("thief@example.com")
    ask(other_browser, alice.email)

    reset(other_browser, post.link(alice.email))

    assert visitor.get(link).status_code == 410
