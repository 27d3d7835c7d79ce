"""The API Keys tab: what its dialogs refuse, and what they offer then."""

from datetime import timedelta

import pytest

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from tests.factories import make_key
from tests.helpers import HTMX, soup, text
from tests.web.forms import fault, words

NEW = "/settings/api-keys/new"


def create(tab, **fields):
    return tab.submit(NEW, {"name": "CI", "abilities": ["monitors:read"], "expires": "", **fields})


def live_keys(person):
    db.session.rollback()
    return ApiKey.of_user(db.session, person.user_id)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("day", [{}, {"expires_on": ""}, {"expires_on": "tomorrow"}, {"expires_on": "2026-02-30"}], ids=repr)
def test_a_date_that_was_not_chosen_is_asked_for_at_its_field(tab, alice, day, headers):
    form = {"csrf_token": tab.csrf_token(NEW), "name": "CI", "abilities": ["monitors:read"], "expires": "date", **day}

    reply = tab.post(NEW, form, headers=headers)

    assert reply.status_code == 422
    assert fault(reply, "Date") == "Choose a date."
    assert live_keys(alice) == []


@pytest.mark.parametrize("day", ["0001-01-01", "2020-01-01"])
def test_a_day_that_has_passed_is_refused_at_its_field(tab, alice, day):
    reply = create(tab, expires="date", expires_on=day)

    assert reply.status_code == 422
    assert fault(reply, "Date") == "Choose today or a later day."
    assert live_keys(alice) == []


def test_a_date_beside_another_choice_counts_for_nothing(tab, alice):
    reply = create(tab, expires="", expires_on="2020-01-01")

    assert reply.status_code == 200
    assert [key.expires_at for key in live_keys(alice)] == [None]


def test_a_chosen_day_ends_at_midnight_in_the_persons_zone(tab, alice):
    alice.user.timezone = "America/New_York"
    db.session.commit()
    day = utcnow().date() + timedelta(days=3)

    create(tab, expires="date", expires_on=day.isoformat())

    ends = live_keys(alice)[0].expires_at
    assert (ends.date(), ends.hour in (4, 5)) == (day + timedelta(days=1), True)


def test_the_first_day_that_can_be_chosen_is_today(tab):
    tab.get(NEW)

    assert soup(tab.last).find("input", {"name": "expires_on"})["min"] == utcnow().date().isoformat()


def test_all_that_is_wrong_with_a_new_key_is_told_at_once(tab, alice):
    make_key(alice, name="CI")

    reply = create(tab, abilities=[], name=" ci ", expires="date")

    assert reply.status_code == 422
    assert fault(reply, "Name").startswith("You already have a key with this name: CI (…")
    assert "Choose at least one permission." in text(reply)
    assert fault(reply, "Date") == "Choose a date."


def test_a_name_is_taken_only_in_the_team_that_the_form_is_for(tab, alice):
    make_key(alice, name="CI")

    reply = create(tab, abilities=[], team_id=str(alice.team_id + 1))

    assert "You have switched to another team." in text(reply)
    assert "You already have a key" not in text(reply)


@pytest.mark.parametrize("began", ["", "?from=key"], ids=["list", "key's page"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_stale_page_is_offered_no_button_to_rotate_again(tab, alice, began, headers):
    key = make_key(alice).key
    path, stale, proof = f"/settings/api-keys/{key.id}/rotate{began}", key.token.id, tab.csrf_token(NEW)
    form = {"csrf_token": proof, "token_id": stale}
    tab.post(path, form, headers=headers)

    reply = tab.post(path, form, headers=headers)

    dialog = soup(reply).find("dialog")
    assert reply.status_code == 409
    assert "This token was already replaced. Reload to see the current one." in words(dialog)
    assert [words(each) for each in dialog.find_all("button")] == ["Close"]
    assert dialog.find("form", method="post") is None
    assert dialog.find("input", {"name": "token_id"}) is None
    assert dialog.find("a", string="Reload")["href"] == ("/settings/api-keys" if not began else f"/settings/api-keys/{key.id}")
    assert len(live_keys(alice)[0].tokens) == 2


@pytest.mark.parametrize("act", ["rotate", "delete"])
def test_a_dialog_quotes_the_name_of_its_key(tab, alice, act):
    key_id = make_key(alice, name="All").key.id

    tab.get(f"/settings/api-keys/{key_id}/{act}")

    assert words(soup(tab.last).find("dialog").find("h2")) == f"{act.capitalize()} “All”"


def test_the_reveal_quotes_the_name_of_its_key(tab):
    reply = create(tab, name="All")

    assert words(soup(reply).find("dialog").find("h2")) == "Token of “All”"
