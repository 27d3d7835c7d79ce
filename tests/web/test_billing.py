"""Settings, tab Billing."""

import pytest

from pulse.extensions import db
from pulse.models.event import Event
from pulse.plans import Plan
from pulse.roles import Role
from tests.alerts import make_channel
from tests.factories import join, make_key
from tests.helpers import HTMX, Visitor, assert_problem, soup, text
from tests.monitors import make_monitor
from tests.teams import look_at
from tests.web.forms import press, words


def billing(visitor, person):
    visitor.sign_in(person)
    return visitor.get("/settings/billing")


def choose(visitor, person, plan, **fields):
    """Post the button that chooses a plan, as a page shows it on which the team is on Professional."""
    shown = {"team_id": str(person.team_id), "replacing": "professional"}
    return visitor.submit(f"/settings/billing/{plan}", shown | fields, page="/settings/billing")


def used(page):
    return {
        each.find("dt").get_text(): " ".join(each.find("dd").get_text().split()) for each in soup(page).find("dl").find_all("div")
    }


def test_the_plan_and_what_is_used_of_it_are_shown(visitor, alice, bob):
    make_key(alice)

    page = billing(visitor, alice)

    assert "is on the Professional plan" in text(page)
    assert used(page) == {"Monitors": "0 of 100", "Members": "2 of 10", "Your API keys": "1 of 20"}


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_the_current_plan_says_so_where_the_others_have_their_button(request, visitor, alice, bob, who):
    look_at(alice.team)

    page = soup(billing(visitor, request.getfixturevalue(who)))

    cards = {words(each.h3): each for each in page.select(".plans article")}
    assert [name for name, each in cards.items() if "Current Plan" in words(each)] == ["Professional"]
    assert cards["Professional"]["aria-current"] == "true"
    assert not cards["Professional"].select("a, button")


def test_the_owner_changes_the_plan_at_once(visitor, api, alice):
    token = make_key(alice).token
    billing(visitor, alice)

    visitor.get("/settings/billing/free")
    reply = press(visitor, "Choose Free")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/settings/billing")
    assert "is on the Free plan" in text(visitor.get("/settings/billing"))
    assert_problem(api.get("/key", token), 403, "plan_required")
    press(visitor, "Choose Starter")
    assert api.get("/key", token).status_code == 200
    db.session.rollback()
    assert [each.action for each in Event.of_user(db.session, alice.user_id)][:2] == ["plan.changed"] * 2


def test_choosing_the_same_plan_changes_nothing(visitor, alice):
    billing(visitor, alice)

    reply = choose(visitor, alice, "professional", replacing="starter")

    assert reply.status_code == 303
    assert "plan.changed" not in [each.action for each in Event.of_user(db.session, alice.user_id)]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_others_are_told_whom_to_ask(app, visitor, alice, charlie, role):
    join(charlie, alice.team, role)
    visitor.sign_in(charlie)
    look_at(alice.team)

    page = visitor.get("/settings/billing")
    asked = visitor.get("/settings/billing/free")
    reply = choose(visitor, alice, "team")

    assert (asked.status_code, asked.headers["Location"]) == (303, "/settings/billing")
    assert "Alice, the team's Owner, can change the plan." in text(page)
    assert not [button for button in soup(page).find_all("button") if "Choose" in button.get_text()]
    assert reply.status_code == 403
    assert alice.team.plan is Plan.PROFESSIONAL


@pytest.mark.parametrize("plan", ["enterprise", "FREE", "%00", "free%00", "💎"])
def test_a_plan_that_is_not_offered_is_not_found(visitor, alice, plan):
    billing(visitor, alice)

    assert visitor.get(f"/settings/billing/{plan}").status_code == 404
    assert choose(visitor, alice, plan).status_code == 404
    assert alice.team.plan is Plan.PROFESSIONAL


def test_where_staff_change_plans_the_page_says_whom_to_ask(app_with, alice):
    visitor = Visitor(app_with(billing="staff", support_email="help@example.com"))

    page = billing(visitor, alice)
    asked = visitor.get("/settings/billing/free")
    reply = choose(visitor, alice, "team")

    assert (asked.status_code, asked.headers["Location"]) == (303, "/settings/billing")
    assert "To change the plan, contact support" in text(page)
    assert "Choose" not in text(page)
    assert reply.status_code == 403
    assert alice.team.plan is Plan.PROFESSIONAL


def test_nothing_else_of_the_team_is_set_by_the_form(visitor, alice, charlie):
    billing(visitor, alice)

    choose(visitor, alice, "team", name="Mine", plan_name="free")

    assert (alice.team.plan, charlie.team.plan) == (Plan.TEAM, Plan.PROFESSIONAL)
    assert (alice.team.name, charlie.team.name) == ("Alice’s team", "Charlie’s team")


def test_a_refusal_under_htmx_is_a_sentence(visitor, alice):
    billing(visitor, alice)
    proof = visitor.csrf_token("/settings/billing")

    reply = visitor.post("/settings/billing/x", {"csrf_token": proof}, headers=HTMX)

    assert reply.status_code == 404
    assert soup(reply).find(attrs={"data-error": True})


def dialog(page):
    return words(soup(page).find("dialog"))


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_smaller_plan_asks_first_and_changes_nothing_yet(visitor, alice, bob, headers):
    make_key(alice)
    monitors = [make_monitor(alice, name=f"Site {number}", interval_seconds=15) for number in range(12)]
    make_channel(alice, name="Hook", type="webhook", target="https://hooks.example.com/x")
    billing(visitor, alice)

    told = dialog(visitor.get("/settings/billing/free", headers=headers))

    assert told.startswith("Choose Free for “Alice’s team”")
    assert "API access stops. The team's API key is kept, but every request with it is refused." in told
    assert "2 monitors are paused , because Free includes 10: Site 11, Site 10." in told
    assert "12 monitors are checked less often , every 1 min: Site 0 (now every 15 s)" in told
    assert "Site 4 (now every 15 s) and 7 more." in told
    assert "1 member can only read , because Free includes 1: Bob." in told
    assert "1 channel falls silent : Hook." in told
    assert "Checks older than 7 days are deleted at the next clean-up; they are now kept for 90 days." in told
    db.session.rollback()
    assert alice.team.plan is Plan.PROFESSIONAL
    assert [each.paused_at for each in monitors] == [None] * 12


def test_only_what_changes_is_told(visitor, alice):
    billing(visitor, alice)

    told = dialog(visitor.get("/settings/billing/starter"))

    assert "Each API key may send 60 requests per minute, not 300." in told
    assert "Checks older than 30 days are deleted" in told
    assert not [each for each in ("API access stops", "paused ,", "less often ,", "only read ,", "silent :") if each in told]


def test_the_smaller_plan_is_a_link_and_the_larger_one_a_button(visitor, alice):
    page = soup(billing(visitor, alice))

    asking = [(words(each), each["href"]) for each in page.select(".plans a")]
    acting = [words(each) for each in page.select(".plans form button")]

    assert asking == [("Choose Free", "/settings/billing/free"), ("Choose Starter", "/settings/billing/starter")]
    assert acting == ["Choose Team"]


@pytest.mark.parametrize("plan", ["professional", "team"])
def test_there_is_nothing_to_ask_before_a_plan_that_takes_nothing_away(visitor, alice, plan):
    billing(visitor, alice)

    reply = visitor.get(f"/settings/billing/{plan}")

    assert (reply.status_code, reply.headers["Location"]) == (303, "/settings/billing")


def test_a_page_that_shows_another_plan_changes_nothing(visitor, alice):
    billing(visitor, alice)
    alice.set_plan(Plan.TEAM)

    choose(visitor, alice, "starter")

    assert "Alice’s team is on the Team plan by now. Nothing was changed: choose again." in text(visitor.get("/settings/billing"))
    assert alice.team.plan is Plan.TEAM


def test_a_page_of_another_team_changes_nothing(visitor, alice, charlie):
    billing(visitor, alice)

    choose(visitor, charlie, "free")

    assert "You have switched to another team." in text(visitor.get("/settings/billing"))
    assert (alice.team.plan, charlie.team.plan) == (Plan.PROFESSIONAL, Plan.PROFESSIONAL)
