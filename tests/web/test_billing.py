"""Settings, tab Billing."""

import pytest

from pulse.extensions import db
from pulse.models.event import Event
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import join, make_key
from tests.helpers import HTMX, Visitor, assert_problem, soup, text
from tests.teams import look_at
from tests.web.forms import press


def billing(visitor, person):
    visitor.sign_in(person)
    return visitor.get("/settings/billing")


def used(page):
    return {
        each.find("dt").get_text(): " ".join(each.find("dd").get_text().split()) for each in soup(page).find("dl").find_all("div")
    }


def test_the_plan_and_what_is_used_of_it_are_shown(visitor, alice, bob):
    make_key(alice)

    page = billing(visitor, alice)

    assert "is on the Professional plan" in text(page)
    assert used(page) == {"Monitors": "0 of 100", "Members": "2 of 10", "Your API keys": "1 of 20"}


def test_the_owner_changes_the_plan_at_once(visitor, api, alice):
    token = make_key(alice).token
    billing(visitor, alice)

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

    reply = visitor.submit("/settings/billing", {"plan": "professional"})

    assert reply.status_code == 303
    assert "plan.changed" not in [each.action for each in Event.of_user(db.session, alice.user_id)]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
def test_others_are_told_whom_to_ask(app, visitor, alice, charlie, role):
    join(charlie, alice.team, role)
    visitor.sign_in(charlie)
    look_at(alice.team)

    page = visitor.get("/settings/billing")
    reply = visitor.submit("/settings/billing", {"plan": "team"})

    assert "Alice, the team's Owner, can change the plan." in text(page)
    assert not [button for button in soup(page).find_all("button") if "Choose" in button.get_text()]
    assert reply.status_code == 403
    assert alice.team.plan is Plan.PROFESSIONAL


@pytest.mark.parametrize("plan", ["", "enterprise", "FREE", "\0", "free\0", "💎"])
def test_a_plan_that_is_not_offered_is_refused(visitor, alice, plan):
    billing(visitor, alice)

    assert visitor.submit("/settings/billing", {"plan": plan}).status_code == 400
    assert alice.team.plan is Plan.PROFESSIONAL


def test_where_staff_change_plans_the_page_says_whom_to_ask(app_with, alice):
    visitor = Visitor(app_with(billing="staff", support_email="help@example.com"))

    page = billing(visitor, alice)
    reply = visitor.submit("/settings/billing", {"plan": "team"})

    assert "To change the plan, contact support" in text(page)
    assert "Choose" not in text(page)
    assert reply.status_code == 403
    assert alice.team.plan is Plan.PROFESSIONAL


def test_nothing_else_of_the_team_is_set_by_the_form(visitor, alice, charlie):
    billing(visitor, alice)

    visitor.submit("/settings/billing", {"plan": "team", "team_id": charlie.team_id, "name": "Mine"})

    assert (alice.team.plan, charlie.team.plan) == (Plan.TEAM, Plan.PROFESSIONAL)
    assert charlie.team.name == "Charlie’s team"


def test_a_refusal_under_htmx_is_a_sentence(visitor, alice):
    billing(visitor, alice)
    proof = visitor.csrf_token("/settings/billing")

    reply = visitor.post("/settings/billing", {"csrf_token": proof, "plan": "x"}, headers=HTMX)

    assert reply.status_code == 400
    assert soup(reply).find(attrs={"data-error": True})
