"""A key's own page, and what rotate and delete say before the button: who uses the key, for what, what was refused."""

import re
from datetime import timedelta

import pytest

from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db, services
from pulse.models.api_key import ApiKey
from pulse.models.token import Token
from pulse.plans import Plan
from tests.factories import make_key
from tests.helpers import HTMX, Visitor, soup, text
from tests.statements import noted
from tests.uses import recorded, use
from tests.web.forms import press

NARROWING = (Ability.MONITORS_READ, Ability.MONITORS_WRITE, Ability.CHECKS_READ)


@pytest.fixture
def key(alice) -> ApiKey:
    return make_key(alice, *NARROWING).key


@pytest.fixture
def at_home(visitor: Visitor, alice) -> Visitor:
    visitor.sign_in(alice)
    return visitor


def page(at_home: Visitor, key_id: int, query: str = "") -> str:
    return text(at_home.get(f"/settings/api-keys/{key_id}{query}"))


def rotated(key: ApiKey, alice) -> tuple[int, int]:
    """Rotate the key; return the former token's id and the new one's."""
    former = key.token.id
    key.rotate(db.session, replacing=former, by=alice.actor)
    db.session.commit()
    return former, key.token.id


def test_an_unused_key_says_so(at_home, key):
    key_id = key.id

    told = page(at_home, key_id)

    assert "No requests in the last 24 hours." in told
    assert "Clients" not in told
    assert "has never been used" in text(at_home.get(f"/settings/api-keys/{key_id}/rotate"))


def test_the_page_tells_requests_operations_clients_and_refusals(at_home, key):
    token_id, key_id = key.token.id, key.id
    uses = [use(token_id) for _ in range(5)]
    recorded(
        *uses,
        use(token_id, "GET /incidents", "incidents:read", status=403, code="ability_required", agent="python-requests/2"),
        use(token_id, "", "", status=404, code="not_found"),
    )

    told = page(at_home, key_id)

    assert "7 requests in the last 24 hours, 2 of them refused" in told
    assert "GET /monitors monitors:read 5" in told
    assert "An address that does not exist" in told
    assert re.search(r"python-requests/2 203\.0\.113\.7 …\w{8} 1 ", told)
    assert "It lacks incidents:read" in told
    repair = soup(at_home.last).find("a", string="Create a key that has it")
    assert repair["href"] == (
        "/settings/api-keys/new?name=CI/CD+Pipeline"
        "&ability=monitors:read&ability=monitors:write&ability=checks:read&ability=incidents:read"
    )


@pytest.mark.parametrize(
    ("status", "code", "tone"),
    [
        (401, "token_expired", "denied"),
        (403, "ability_required", "denied"),
        (429, "rate_limited", "denied"),
        (500, "internal_error", "denied"),
        (503, "unavailable", "denied"),
        (404, "not_found", "mistaken"),
        (409, "conflict", "mistaken"),
        (422, "validation_failed", "mistaken"),
    ],
)
def test_the_picture_keeps_mistakes_apart_from_what_deserves_attention(at_home, key, status, code, tone):
    recorded(use(key.token.id), use(key.token.id, status=status, code=code))

    page = soup(at_home.get(f"/settings/api-keys/{key.id}"))

    drawn = [each["class"] for each in page.select(".bars rect:not(.room)")]
    assert drawn == [["answered"], [tone]]
    figures = next(each for each in page.find_all("table") if "plain" in each["class"])
    headings, (row,) = [text_of(each) for each in figures.select("thead th")], figures.select("tbody tr")
    assert headings == ["From", "Answered", "Not found or invalid", "Denied or failed"]
    assert [text_of(each) for each in row.select("td")] == (["1", "0", "1"] if tone == "denied" else ["1", "1", "0"])


def test_the_repair_link_opens_a_filled_form_that_warns_of_the_name(at_home, key):
    at_home.get("/settings/api-keys/new?name=ci/cd+pipeline&ability=monitors:read&ability=incidents:read")

    chosen = [each["value"] for each in soup(at_home.last).select("input[name=abilities][checked]")]
    assert chosen == ["monitors:read", "incidents:read"]
    assert soup(at_home.last).select_one("input[name=name]")["value"] == "CI/CD Pipeline 2"
    assert "You already have a key named CI/CD Pipeline" in soup(at_home.last).get_text()


@pytest.mark.parametrize("name", ["", "%00", "%ED%A0%80", "x" * 5000])
def test_an_odd_suggestion_does_no_harm(at_home, key, name):
    assert at_home.get(f"/settings/api-keys/new?name={name}&ability=root").status_code == 200


def test_a_span_shows_what_lies_within_it(at_home, key):
    token_id, key_id = key.token.id, key.id
    now = utcnow()
    recorded(use(token_id, at=now), use(token_id, at=now - timedelta(days=3)), use(token_id, at=now - timedelta(days=20)))

    assert "1 request in the last 24 hours" in page(at_home, key_id)
    assert "2 requests in the last 7 days" in page(at_home, key_id, "?span=7d")
    assert "3 requests in the last 30 days" in page(at_home, key_id, "?span=30d")
    assert "1 request in the last 24 hours" in page(at_home, key_id, "?span=nonsense")


def test_client_names_are_shown_as_text(at_home, key):
    token_id, key_id = key.token.id, key.id
    recorded(use(token_id, agent="<script>alert(1)</script>"))

    at_home.get(f"/settings/api-keys/{key_id}")

    assert "<script>alert" not in at_home.last.text
    assert "<script>alert(1)</script>" in soup(at_home.last).get_text()


def test_who_still_knocks_with_a_former_token_is_told(at_home, alice, key):
    key_id = key.id
    former, _ = rotated(key, alice)
    recorded(*(use(former, status=401, code="token_rotated") for _ in range(31)))

    told = page(at_home, key_id)

    assert re.search(r"31 , last just now .* from 203\.0\.113\.7 , curl/8\.5\.0", told)


def test_a_rotation_is_followed_until_all_clients_have_moved(at_home, alice, key):
    key_id, first = key.id, key.token.id
    addresses = [f"203.0.113.{number}" for number in range(1, 6)]
    recorded(*(use(first, address=address) for address in addresses))
    _, second = rotated(key, alice)

    told = []
    for address in addresses:
        recorded(use(second, address=address))
        at_home.get("/settings/api-keys")
        marks = soup(at_home.last).select(f"#key-{key_id} .mark")
        told.append("".join(each.get_text().strip() for each in marks))

    assert told == [f"{count} of 5 clients moved to the new token" for count in range(1, 5)] + [""]
    assert "All 5 clients have moved to the new token." in page(at_home, key_id)


def test_a_rotation_can_be_dismissed_and_the_next_one_is_followed_anew(at_home, alice, key):
    key_id, first = key.id, key.token.id
    recorded(use(first))
    _, second = rotated(key, alice)
    assert "0 of 1 clients moved" in page(at_home, key_id)

    press(at_home, "Dismiss", {})
    after = page(at_home, key_id)
    recorded(use(second))
    rotated(ApiKey.find(db.session, alice.user_id, key_id), alice)

    assert "moved to the new token" not in after
    assert "0 of 1 clients moved" in page(at_home, key_id)


def test_a_client_long_gone_is_not_expected_to_move(at_home, alice, key):
    key_id, first = key.id, key.token.id
    recorded(use(first, at=utcnow() - timedelta(days=9)))
    rotated(key, alice)

    assert "moved to the new token" not in page(at_home, key_id)


def long_in_use(key: ApiKey) -> None:
    db.session.get_one(Token, key.token.id).first_used_at = utcnow() - timedelta(days=8)
    db.session.commit()


def test_after_a_week_what_was_not_used_is_offered_for_removal_with_the_proof(at_home, key):
    token_id, key_id = key.token.id, key.id
    recorded(*(use(token_id) for _ in range(4)))
    before = page(at_home, key_id)
    long_in_use(key)

    told = page(at_home, key_id)
    at_home.get(f"/settings/api-keys/{key_id}/narrow")

    assert "permissions were not used" not in before
    assert "2 permissions were not used since its first use: monitors:write checks:read" in told
    assert "0 of 4 requests would have been refused" in told
    assert [each["value"] for each in soup(at_home.last).select("dialog input[checked]")] == ["monitors:read"]


def test_a_permission_whose_want_was_refused_does_not_count_as_used(at_home, key):
    token_id, key_id = key.token.id, key.id
    recorded(use(token_id), use(token_id, "GET /incidents", "incidents:read", status=403, code="ability_required"))
    long_in_use(key)

    assert "0 of 1 requests would have been refused" in page(at_home, key_id)


def test_narrowing_takes_permissions_away_at_once(at_home, api, alice):
    issued = make_key(alice, *NARROWING)
    key_id = issued.key.id

    at_home.get(f"/settings/api-keys/{key_id}/narrow")
    reply = at_home.submit(f"/settings/api-keys/{key_id}/narrow", {"abilities": ["checks:read"]})

    assert (reply.status_code, reply.headers["Location"]) == (303, f"/settings/api-keys/{key_id}")
    assert api.get("/key", issued.token).get_json()["abilities"] == ["checks:read"]
    assert "Key narrowed Removed: monitors:read, monitors:write" in page(at_home, key_id)


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ([], "Choose at least one permission."),
        ([each.value for each in NARROWING], "Remove at least one permission; none can be added."),
        (["team:write"], "Remove at least one permission; none can be added."),
        (["monitors:read", "nonsense"], "'nonsense' is not a valid choice"),
    ],
)
def test_what_would_not_narrow_is_refused_and_said(at_home, key, kept, fault):
    key_id = key.id

    reply = at_home.submit(f"/settings/api-keys/{key_id}/narrow", {"abilities": kept})

    assert reply.status_code == 422
    assert fault in soup(at_home.last).get_text()
    assert [each.value for each in ApiKey.find(db.session, key.user_id, key_id).abilities] == [each.value for each in NARROWING]


@pytest.mark.parametrize("act", ["rotate", "delete"])
def test_before_the_button_it_is_said_what_will_break(at_home, key, act):
    token_id, key_id = key.token.id, key.id
    recorded(*(use(token_id) for _ in range(3)), use(token_id, "GET /key", "", address="198.51.100.1", agent="cron"))

    at_home.get(f"/settings/api-keys/{key_id}/{act}")

    told = " ".join(soup(at_home.last).select_one("dialog").get_text(" ").split())
    assert "In use: 4 requests in the last 24 hours from 2 clients." in told
    assert "GET /monitors 3" in told


def dialog(at_home: Visitor, key_id: int, act: str, query: str = "") -> str:
    at_home.get(f"/settings/api-keys/{key_id}/{act}{query}")
    return " ".join(soup(at_home.last).select_one("dialog").get_text(" ").split())


@pytest.mark.parametrize("act", ["rotate", "delete"])
def test_all_of_a_keys_tokens_count_and_who_still_sends_the_old_one_is_told(at_home, alice, key, act):
    key_id, first = key.id, key.token.id
    recorded(*(use(first) for _ in range(3)), use(first, agent="moved"))
    _, second = rotated(key, alice)
    recorded(use(second, agent="moved"), *(use(first, status=401, code="token_rotated") for _ in range(3)))

    told = dialog(at_home, key_id, act)

    assert "In use: 5 requests in the last 24 hours from 1 client." in told
    assert "1 client still sends a former token, and is already refused." in told


def test_what_was_refused_is_not_said_to_break(at_home, key):
    key_id, token_id = key.id, key.token.id
    recorded(*(use(token_id, "GET /incidents", "incidents:read", status=403, code="ability_required") for _ in range(2)))

    told = dialog(at_home, key_id, "rotate")

    assert "In use: 2 requests in the last 24 hours from 1 client, all of them refused anyway." in told
    assert "GET /incidents" not in told


def test_only_tries_with_the_old_token_ask_for_no_name(at_home, alice, key):
    key_id, first = key.id, key.token.id
    rotated(key, alice)
    recorded(use(first, status=401, code="token_rotated"))

    told = dialog(at_home, key_id, "delete")

    assert "1 client still sends a former token" in told
    assert "Type the name" not in told


def test_who_has_to_be_given_the_new_token_is_named(at_home, key):
    key_id, token_id = key.id, key.token.id
    recorded(*(use(token_id, agent=f"runner-{number}") for number in range(7)))

    told = dialog(at_home, key_id, "rotate")

    assert sum(f"runner-{number}, 203.0.113.7" in told for number in range(7)) == 5
    assert "and 2 more" in told


@pytest.mark.parametrize(("operations", "rest"), [(5, "and 1 more operation "), (6, "and 2 more operations ")])
def test_operations_that_are_not_listed_are_counted(at_home, key, operations, rest):
    key_id, token_id = key.id, key.token.id
    recorded(*(use(token_id, f"GET /things/{number}") for number in range(operations)))

    told = dialog(at_home, key_id, "rotate")

    assert rest in told


def test_rotating_says_until_when_the_rotated_key_lasts(at_home, alice):
    key = make_key(alice, expires_in=timedelta(days=30)).key
    key.token.issued_at = utcnow() - timedelta(days=10)
    key_id, until = key.id, key.rotated_until
    db.session.commit()

    assert until.date() == (utcnow() + timedelta(days=40)).date()
    assert f"The rotated key expires on {until:%-d %b %Y}" in dialog(at_home, key_id, "rotate")


def test_a_key_without_expiry_says_when_one_is_set_and_when_mails_come(at_home, key):
    told = page(at_home, key.id)

    assert "No expiration (an expiry can only be set when a key is created)" in told
    assert "You get an email when it is created, rotated, narrowed or deleted, before and when it expires" in told


def test_a_larger_plan_is_not_said_to_widen_what_none_does(at_home, key):
    recorded(use(key.token.id, "POST /alert-rules", "alerts:write", status=403, code="limit_reached"))

    told = page(at_home, key.id)

    assert "A larger plan has room for more monitors and members; alert rules, channels and planned outages have the same" in told


def test_clients_of_former_tokens_can_be_found(at_home, alice, key):
    key_id, eight = key.id, key.token.last_eight
    first, second = rotated(key, alice)
    recorded(use(first, agent="forgotten", status=401, code="token_rotated"), use(second, agent="moved"))

    told = page(at_home, key_id)

    assert f"forgotten 203.0.113.7 …{eight} former, refused 1" in told
    assert "moved 203.0.113.7 …" in told


def test_the_list_tells_of_refusals_and_leads_to_them(at_home, key):
    key_id, token_id = key.id, key.token.id
    recorded(use(token_id), *(use(token_id, "", "", status=404, code="not_found") for _ in range(4)))

    at_home.get("/settings/api-keys")
    mark = soup(at_home.last).select_one(f"#key-{key_id} a.mark")
    at_home.get(f"/settings/api-keys/{key_id}")

    assert mark.get_text().strip() == "4 refused in 24 hours"
    assert mark["href"] == f"/settings/api-keys/{key_id}#refused"
    assert soup(at_home.last).find(id="refused")


def test_a_refusal_has_its_remedy_its_last_time_and_its_client(at_home, key):
    key_id, token_id = key.id, key.token.id
    long_ago = utcnow() - timedelta(hours=3)
    recorded(use(token_id, "", "", status=404, code="not_found"))
    recorded(use(token_id, "POST /monitors", "monitors:write", at=long_ago, status=422, code="validation_failed", agent="gone"))
    recorded(use(token_id, agent="gone"))

    at_home.get(f"/settings/api-keys/{key_id}")
    rows = {row.find("th").code.get_text(): text_of(row) for row in soup(at_home.last).select("#refused tbody tr")}

    assert "check the path and the id. The API reference lists every address" in rows["not_found"]
    assert "just now" in rows["not_found"]
    assert "curl/8.5.0, 203.0.113.7" in rows["not_found"]
    hour = long_ago.replace(minute=0)
    assert f"{hour:%-d %b %Y, %H:%M} to {hour + timedelta(hours=1):%H:%M}" in rows["validation_failed"]
    assert "gone" not in rows["validation_failed"]


def test_a_refusal_of_a_client_that_is_answered_again_is_not_dated_before_its_key(at_home, key):
    key_id, token_id = key.id, key.token.id
    recorded(use(token_id, "", "", status=404, code="not_found"))
    recorded(use(token_id))

    at_home.get(f"/settings/api-keys/{key_id}")

    last = soup(at_home.last).select_one("#refused td[data-label=Last]")
    assert text_of(last) == "This hour"


def text_of(row) -> str:
    return " ".join(row.get_text(" ").split())


def test_the_keys_page_is_in_the_settings(at_home, key):
    at_home.get(f"/settings/api-keys/{key.id}")

    tabs = soup(at_home.last).select_one("nav[aria-label=Settings]")
    assert [each.get_text() for each in tabs.find_all("a")] == ["Profile", "API Keys", "Billing"]
    assert tabs.find("a", attrs={"aria-current": "true"}).get_text() == "API Keys"


@pytest.mark.parametrize("begun", ["", "?from=key"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_rotation_leads_back_to_where_it_began(at_home, key, begun, headers):
    key_id, token_id = key.id, key.token.id
    address, home = f"/settings/api-keys/{key_id}/rotate{begun}", f"/settings/api-keys{f'/{key_id}' if begun else ''}"

    asked = soup(at_home.get(address, headers=headers)).find("dialog")
    revealed = soup(at_home.submit(address, {"token_id": token_id}, headers=headers))

    closing = [each.find("form", {"method": "get"})["action"] for each in (asked, revealed.find("dialog"))]
    assert closing == [home, home]
    assert asked.find("form", {"method": "post"})["action"] == address
    assert bool(revealed.find(id="use")) is bool(begun)


def test_a_deletion_begun_on_the_keys_page_ends_in_the_list(at_home, key):
    key_id = key.id

    asked = soup(at_home.get(f"/settings/api-keys/{key_id}/delete?from=key"))
    reply = at_home.submit(f"/settings/api-keys/{key_id}/delete?from=key")

    assert asked.select_one("dialog form[method=get]")["action"] == f"/settings/api-keys/{key_id}"
    assert (reply.status_code, reply.headers["Location"]) == (303, "/settings/api-keys")


@pytest.mark.parametrize("typed", ["", "something else"])
def test_a_key_in_use_is_deleted_only_by_whoever_types_its_name(at_home, api, alice, typed):
    issued = make_key(alice)
    key_id = issued.key.id
    recorded(use(issued.key.token.id))

    refused = at_home.submit(f"/settings/api-keys/{key_id}/delete", {"name": typed})
    told = soup(at_home.last).get_text()
    alive = api.get("/key", issued.token).status_code
    done = at_home.submit(f"/settings/api-keys/{key_id}/delete", {"name": " ci/cd pipeline "})

    assert (refused.status_code, alive, done.status_code) == (422, 200, 303)
    assert "This key is in use. Type its name, CI/CD Pipeline, to delete it." in told
    assert api.get("/key", issued.token).get_json()["code"] == "token_deleted"


def test_a_key_that_is_not_in_use_asks_for_no_name(at_home, key):
    key_id = key.id

    at_home.get(f"/settings/api-keys/{key_id}/delete")
    asked = "Type the name" in soup(at_home.last).get_text()

    assert not asked
    assert at_home.submit(f"/settings/api-keys/{key_id}/delete").status_code == 303


def arrival(visitor: Visitor, key_id: int, token_id: int):
    return visitor.get(f"/settings/api-keys/{key_id}/arrival?token_id={token_id}", headers=HTMX)


def test_the_first_request_is_told_to_the_dialog_that_waits_for_it(at_home, app, api, alice):
    issued = make_key(alice, Ability.MONITORS_READ)
    key_id, token_id = issued.key.id, issued.key.token.id

    waiting = arrival(at_home, key_id, token_id)
    api.get("/monitors", issued.token, headers={"User-Agent": "curl/8.5"})
    services().uses.flush()
    came = arrival(at_home, key_id, token_id)

    assert (waiting.status_code, waiting.text) == (204, "")
    assert "Received: GET /api/v1/monitors, 200, 127.0.0.1" in came.text
    assert "The token works." in came.text
    assert issued.token not in came.text


def test_a_first_request_that_was_refused_says_how_to_mend_it(at_home, app, api, alice):
    issued = make_key(alice, Ability.MONITORS_READ)
    api.get("/incidents", issued.token)
    services().uses.flush()

    came = arrival(at_home, issued.key.id, issued.key.token.id)

    assert "Received: GET /api/v1/incidents, 403, 127.0.0.1" in came.text
    assert "Permission missing." in came.text


def test_a_dialog_whose_session_has_ended_keeps_its_token(visitor, alice):
    key = make_key(alice).key

    reply = arrival(visitor, key.id, key.token.id)

    assert (reply.status_code, "HX-Redirect" in reply.headers) == (204, False)


def test_another_ones_key_is_not_found_anywhere(visitor, charlie, key):
    key_id, token_id = key.id, key.token.id
    visitor.sign_in(charlie)

    home = f"/settings/api-keys/{key_id}"
    read = [visitor.get(f"{home}{path}").status_code for path in ("", "/narrow", f"/arrival?token_id={token_id}")]
    written = [visitor.submit(f"{home}/{act}", page="/settings/api-keys").status_code for act in ("narrow", "moves")]

    assert (read, written) == ([404] * 3, [404] * 2)


@pytest.mark.parametrize(
    ("address", "most"),
    [("/settings/api-keys", 10), ("/settings/api-keys/{key_id}?span=30d", 18), ("/settings/api-keys/{key_id}/delete", 12)],
)
def test_many_keys_and_many_uses_take_no_more_queries_than_few(app, at_home, alice, address, most):
    alice.set_plan(Plan.TEAM)
    keys = [make_key(alice, name=f"Key {number}").key for number in range(30)]
    for key in keys[:10]:
        recorded(*(use(key.token.id, agent=f"runner-{number}") for number in range(10)))
        rotated(key, alice)
    key_id = keys[0].id

    with noted(app) as sent:
        assert at_home.get(address.format(key_id=key_id)).status_code == 200

    assert len(sent) <= most, sent


def test_the_list_tells_how_many_requests_were_refused_lately(at_home, key):
    token_id, key_id = key.token.id, key.id
    recorded(use(token_id), *(use(token_id, status=403, code="ability_required") for _ in range(4)))

    (mark,) = [each for each in soup(at_home.get("/settings/api-keys")).select("a.mark") if "refused" in each.get_text()]

    assert " ".join(mark.get_text().split()) == "4 refused in 24 hours"
    assert mark["href"] == f"/settings/api-keys/{key_id}#refused"


@pytest.mark.parametrize(
    ("status", "code", "tone"),
    [
        (401, "token_expired", "bad"),
        (403, "ability_required", "bad"),
        (429, "rate_limited", "bad"),
        (500, "internal_error", "bad"),
        (404, "not_found", "muted"),
        (422, "validation_failed", "muted"),
    ],
)
def test_only_what_was_denied_or_failed_raises_an_alarm(at_home, key, status, code, tone):
    recorded(use(key.token.id, status=status, code=code), use(key.token.id, status=422, code="validation_failed"))

    mark = soup(at_home.get("/settings/api-keys")).select_one("a.mark[href$='#refused']")

    assert mark["class"] == ["mark", tone]
    assert text_of(mark) == "2 refused in 24 hours"


def test_the_trail_names_the_key_that_acted_and_the_one_it_is_about(at_home, api, alice):
    issued = make_key(alice, *Ability, name="Deploy bot")
    api.post("/monitors", issued.token, json={"name": "Shop", "url": "https://shop.example.com/"})
    api.post("/key/rotate", issued.token)

    told = " ".join(soup(at_home.get("/settings/profile")).get_text(" ").split())

    assert "Monitor created: Shop An API key: Deploy bot" in told
    assert "Key rotated: Deploy bot An API key: Deploy bot" in told


def test_deleting_tells_of_the_whole_key_and_of_who_still_knocks(at_home, key, alice):
    first, key_id = key.token.id, key.id
    recorded(*(use(first, agent="deployer/1.0") for _ in range(3)), use(first, agent="cron/2"))
    ApiKey.find(db.session, alice.user_id, key_id).rotate(db.session, replacing=first, by=alice.actor)
    db.session.commit()
    second = ApiKey.find(db.session, alice.user_id, key_id).token.id
    recorded(use(second, agent="cron/2"), use(first, agent="deployer/1.0", status=401, code="token_rotated"))

    told = " ".join(soup(at_home.get(f"/settings/api-keys/{key_id}/delete")).get_text(" ").split())

    assert "In use: 5 requests in the last 24 hours from 1 client." in told
    assert "cron/2" in told
    assert "1 client still sends a former token, and is already refused." in told
