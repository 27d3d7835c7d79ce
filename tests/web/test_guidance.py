"""What somebody who follows only the screen is told, and where it leads them."""

from datetime import timedelta

import pytest

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.event import Actor, ActorKind
from pulse.models.people import change_role
from pulse.roles import Role
from pulse.web.filters import relative
from tests.factories import make_key
from tests.helpers import assert_problem, soup, text
from tests.uses import recorded, use


def leads_to_the_docs(reply) -> bool:
    return any(each["href"] == "/docs" for each in soup(reply).find_all("a", string="API reference"))


def test_the_tab_and_the_keys_page_lead_to_the_docs(tab, alice):
    empty = leads_to_the_docs(tab.get("/settings/api-keys"))
    key_id = make_key(alice).key.id

    assert empty
    assert leads_to_the_docs(tab.get("/settings/api-keys"))
    assert leads_to_the_docs(tab.get(f"/settings/api-keys/{key_id}"))


def test_the_reveal_opens_the_docs_beside_itself(tab):
    reply = tab.submit("/settings/api-keys/new", {"name": "CI", "abilities": ["monitors:read"], "team_id": team_of(tab)})

    link = soup(reply).select_one("dialog a[href='/docs']")
    assert link["target"] == "_blank"


def team_of(tab) -> str:
    return str(soup(tab.get("/settings/api-keys/new")).find("input", {"name": "team_id"})["value"])


def test_a_missing_permission_has_its_remedy_in_the_reply_and_in_the_docs(api, visitor, alice):
    token = make_key(alice, Ability.MONITORS_READ).token

    problem = assert_problem(api.get("/incidents", token), 403, "ability_required")

    assert problem["detail"].endswith("Permissions cannot be added to a key: create a new key with this permission.")
    entry = soup(visitor.get("/docs")).find(id="ability_required").find_next("dd")
    assert "create a new key with this permission" in entry.get_text()


def test_what_a_permission_does_not_include_is_said_beside_it(tab):
    told = text(tab.get("/settings/api-keys/new"))

    assert "Create, change, pause, resume and delete monitors, but not read them." in told
    assert "Let the program rotate its own token. People can always rotate the key in the browser." in told


def test_the_plans_say_what_becomes_of_keys_and_what_they_cost(tab):
    told = text(tab.get("/settings/billing"))

    assert "but on Free they are refused until you choose a larger plan. No plan costs anything here." in told
    assert "No REST API: keys are kept, but refused until you upgrade" in told


def test_the_chart_says_what_its_highest_bar_stands_for(tab, alice):
    key = make_key(alice).key
    key_id, token_id = key.id, key.token.id
    recorded(*(use(token_id) for _ in range(6)))

    told = [text(tab.get(f"/settings/api-keys/{key_id}?span={span}")) for span in ("24h", "7d", "30d")]

    units = ("an hour", "in 6 hours", "a day")
    assert all(f"Peak: 6 requests {unit}" in page for unit, page in zip(units, told, strict=True))


@pytest.mark.parametrize(("seconds", "told"), [(64, "1 minute ago"), (59, "59 seconds ago"), (26 * 3600, "26 hours ago")])
def test_a_time_is_told_in_the_unit_people_use(app, seconds, told):
    with app.test_request_context():
        assert relative(utcnow() - timedelta(seconds=seconds)) == told


def test_the_docs_list_resources_and_their_lines_can_be_copied(visitor):
    page = soup(visitor.get("/docs"))

    assert "openapi.json" not in [each.get_text() for each in page.select("nav[aria-label='Operations by resource'] a")]
    button = page.select_one("article button[data-copy]")
    assert page.find(id=button["data-copy"]).get_text().startswith("curl ")


def test_signing_out_has_a_label_that_can_be_seen(tab):
    button = next(each for each in soup(tab.get("/monitors")).find_all("button") if each.get_text().strip() == "Sign Out")

    assert not button.has_attr("aria-label")


def test_each_choice_of_expiry_says_when_it_ends_and_when_mails_come(tab):
    page = soup(tab.get("/settings/api-keys/new"))
    choices = ("never", "7", "30", "365", "date")
    told = {each: " ".join(page.select_one(f".ends-{each}").get_text().split()) for each in choices}

    assert told["never"] == "It works until it is deleted. An expiry can only be set now."
    assert f"Ends {utcnow() + timedelta(days=7):%-d %b %Y}" in told["7"]
    assert told["7"].endswith("You get an email 1 day before and when it has expired.")
    assert "7 and 1 days before and when it has expired" in told["30"]
    assert "30, 7 and 1 days before and when it has expired" in told["365"]
    assert "30, 7 and 1 days before (if it lasts that long)" in told["date"]


@pytest.mark.parametrize(
    ("held", "asked", "free"),
    [
        (["Deploy bot"], "Deploy bot", "Deploy bot 2"),
        (["Deploy bot", "deploy bot 2"], "deploy bot", "Deploy bot 3"),
        (["Deploy bot", "Deploy bot 2"], "Deploy bot 2", "Deploy bot 3"),
        (["Deploy bot 2"], "Deploy bot 2", "Deploy bot 3"),
        (["x" * 100], "x" * 100, "x" * 98 + " 2"),
        (["7"], "7", "7 2"),
    ],
)
def test_a_suggested_name_that_is_taken_is_replaced_by_a_free_one(tab, alice, held, asked, free):
    for name in held:
        make_key(alice, name=name)

    page = soup(tab.get("/settings/api-keys/new", query_string={"name": asked}))

    assert page.find("input", {"name": "name"})["value"] == free
    assert "This one gets a different name" in page.get_text()


def test_the_activity_names_the_key_that_was_meant_and_the_one_that_acted(tab, api, alice):
    issued = make_key(alice, Ability.MONITORS_READ, Ability.KEY_ROTATE, name="Deploy bot")
    token = api.post("/key/rotate", issued.token).get_json()["token"]
    key_id = issued.key.id
    tab.submit(f"/settings/api-keys/{key_id}/narrow", {"abilities": ["monitors:read"]})
    api.delete("/key", token)

    told = activity(tab)

    assert told[0].startswith("Key deleted: Deploy bot An API key: Deploy bot")
    assert told[1].startswith("Key narrowed: Deploy bot Removed: key:rotate You")
    assert told[2].startswith("Key rotated: Deploy bot An API key: Deploy bot")


def test_the_activity_names_who_else_acted_but_no_key_of_theirs(visitor, alice, bob):
    key_id = make_key(alice, name="Secret plan").key.id
    for role, by in ((Role.ADMIN, alice.actor), (Role.VIEWER, Actor(ActorKind.KEY, alice.user_id, key_id))):
        change_role(db.session, bob.membership(alice.team_id), role, by)
    db.session.commit()
    visitor.sign_in(bob)

    told = activity(visitor)

    assert told[0].startswith("Member changed An API key of Alice")
    assert told[1].startswith("Member changed Alice")


def activity(visitor) -> list[str]:
    rows = soup(visitor.get("/settings/profile")).select("section[aria-labelledby=activity-heading] tbody tr")
    return [" ".join(row.get_text(" ").split()) for row in rows]
