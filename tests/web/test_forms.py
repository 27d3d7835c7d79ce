"""What holds for every form of the account's pages: no forgery, no odd input, no long wait."""

import time

import pytest

from tests.factories import PASSWORD
from tests.helpers import HTMX, Visitor, text

PUBLIC = ["/sign-up", "/sign-in", "/forgot-password", "/reset-password/unknown", "/verify-email/unknown"]
OWN = [
    "/sign-out",
    "/settings/profile",
    "/settings/profile/password",
    "/settings/profile/revoke-keys",
    "/settings/profile/sessions/1/end",
    "/settings/profile/delete-account",
    "/settings/billing/team",
]
FIELDS = ("name", "email", "password", "new_password", "confirm_password", "current_password", "timezone", "theme", "plan")
ODD = [b"%00", b"a%00b", b"%ED%A0%80", b"%FF%FE", b"%F0%9F%94%91", b"%E2%80%AE", b"9" * 5000, b"x" * 100_000, b"%0D%0AX:+y", b""]


def odd_body(proof, value):
    pairs = [b"csrf_token=" + proof.encode()] + [name.encode() + b"=" + value for name in FIELDS]
    return b"&".join(pairs)


@pytest.mark.parametrize("headers", [{}, HTMX, {"X-Requested-With": "XMLHttpRequest"}], ids=["plain", "htmx", "ajax"])
@pytest.mark.parametrize("path", PUBLIC + OWN)
def test_nothing_is_done_without_the_proof_of_a_page_of_ours(visitor, alice, path, headers):
    visitor.sign_in(alice)

    reply = visitor.post(path, {"email": alice.email, "password": PASSWORD}, headers=headers)

    assert reply.status_code == 400
    assert "This page has expired" in text(reply)


@pytest.mark.parametrize("path", PUBLIC + OWN)
def test_anothers_proof_is_none(visitor, other_browser, alice, charlie, path):
    visitor.sign_in(alice)
    other_browser.sign_in(charlie)
    foreign = other_browser.csrf_token("/settings/profile")

    assert visitor.post(path, {"csrf_token": foreign, "password": PASSWORD}).status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", PUBLIC + OWN)
def test_a_post_from_another_site_is_refused_even_with_a_proof(visitor, alice, path, site):
    visitor.sign_in(alice)
    proof = visitor.csrf_token("/settings/profile")

    assert visitor.post(path, {"csrf_token": proof}, headers={"Sec-Fetch-Site": site}).status_code == 400


@pytest.mark.parametrize("path", [path for path in OWN if path != "/sign-out"])
def test_nobody_acts_who_is_not_signed_in(visitor, path):
    reply = visitor.submit(path, {"password": PASSWORD}, page="/sign-in")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/sign-in")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/sign-in", "/settings/profile", "/settings/billing/team"])
def test_other_methods_do_nothing(visitor, alice, path, method):
    visitor.sign_in(alice)

    assert visitor.open(method, path).status_code in (400, 405)


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("path", ["/sign-up", "/sign-in", "/forgot-password"])
def test_odd_input_of_anybody_is_refused_or_taken_but_never_fails(visitor, path, value):
    body = odd_body(visitor.csrf_token("/sign-in"), value)

    reply = visitor.open("POST", path, data=body, content_type="application/x-www-form-urlencoded")

    assert reply.status_code < 500


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("path", [path for path in OWN if path not in ("/sign-out", "/settings/profile/sessions/1/end")])
def test_odd_input_of_somebody_is_refused_or_taken_but_never_fails(visitor, alice, path, value):
    visitor.sign_in(alice)
    body = odd_body(visitor.csrf_token("/settings/profile"), value)

    reply = visitor.open("POST", path, data=body, content_type="application/x-www-form-urlencoded")

    assert reply.status_code < 500


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in?next=/%00", "/sign-in?next=%ED%A0%80", "/reset-password/" + "x" * 300, "/verify-email/%00"]
)
def test_odd_addresses_never_fail(visitor, path):
    assert visitor.get(path).status_code < 500


@pytest.mark.parametrize("size", [1025, 200_000, 1_000_000, 5_000_000])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
def test_a_huge_password_costs_no_time(app_with, path, size):
    visitor = Visitor(app_with(password_cost=15))
    form = {"csrf_token": visitor.csrf_token(path), "name": "Erin", "email": "erin@example.com", "password": "x" * size}
    began = time.perf_counter()

    reply = visitor.post(path, form)

    assert 400 <= reply.status_code < 500
    assert time.perf_counter() - began < 1
