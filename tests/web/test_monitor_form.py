"""The form of a monitor: what it takes, refuses and keeps, and what it never shows."""

import pytest

from pulse.extensions import db, services
from pulse.models.monitor import Monitor
from pulse.plans import Plan
from tests.helpers import soup, text
from tests.monitors import make_monitor
from tests.web.forms import fault, form_of, press, words

LABELS = [
    "Name",
    "URL",
    "HTTP Method",
    "Project",
    "Check Interval",
    "Timeout",
    "Expected Status Code",
    "SSL Verification",
    "Headers",
    "Request Body",
    "Authentication",
    "Username",
    "Password",
    "Token",
]

SECRETS = {"headers": "X-Api-Key: s3cret-header", "body": "s3cret-body", "username": "s3cret-user", "password": "s3cret-word"}


def only():
    """Return the one monitor there is."""
    db.session.rollback()
    return db.session.query(Monitor).one()


def asks(monitor):
    """Return what a monitor's probe asks for."""
    return monitor.request(services().vault)


def create(tab, **fields):
    """Send the form for a new monitor."""
    whole = {"name": "Shop", "url": "https://shop.example.com", "verify_tls": "y"} | fields
    return tab.submit("/monitors/new", whole, page="/settings/profile")


def test_the_form_has_the_products_labels(tab):
    form = form_of(soup(tab.get("/monitors/new")), "Create Monitor")

    labelled = [words(label.find("strong") or label) for label in form.find_all("label") if form.find(id=label["for"])]
    assert labelled == LABELS
    assert words(form.find("details").find("summary")) == "Advanced"


def test_a_monitor_is_created_and_due_at_once(tab, alice):
    tab.get("/monitors/new")

    reply = press(tab, "Create Monitor", {"Name": " Shop ", "URL": "https://Shop.example.com"})

    made = only()
    assert (reply.status_code, reply.headers["Location"]) == (303, f"/monitors/{made.id}")
    assert (made.team_id, made.name, made.url) == (alice.team_id, "Shop", "https://shop.example.com/")
    assert (made.method, made.interval_seconds, made.timeout_seconds, made.expected_status) == ("GET", 60, 30, 200)
    assert made.verify_tls
    assert made.next_check_at == made.created_at
    assert "Shop was created" in text(tab.get(reply.headers["Location"]))


def test_what_is_advanced_is_sent_by_the_probe(tab):
    create(
        tab,
        method="POST",
        headers="X-Api-Key: k:1\r\n\r\nAccept:  text/plain ",
        body="a\r\nb",
        auth_type="basic",
        username="u",
        password="p",
    )

    asked = asks(only())

    assert asked.headers == {"X-Api-Key": "k:1", "Accept": "text/plain"}
    assert asked.body == b"a\nb"
    assert asked.auth.header == "Basic dTpw"


def test_an_unticked_box_switches_the_verification_off(tab):
    tab.submit("/monitors/new", {"name": "Shop", "url": "https://shop.example.com"})

    assert not only().verify_tls


def test_htmx_is_led_to_the_new_monitor(tab):
    reply = tab.submit_fragment("/monitors/new", {"name": "Shop", "url": "https://shop.example.com"})

    assert (reply.status_code, reply.headers["HX-Redirect"]) == (200, f"/monitors/{only().id}")


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("Name", "", "Enter a name."),
        ("Name", "a\u202eb", "change the direction"),
        ("Name", "a\0b", "cannot be stored"),
        ("Name", "x" * 101, "at most 100"),
        ("URL", "", "Enter a full URL"),
        ("URL", "javascript:alert(1)", "Enter a full URL"),
        ("URL", "https://10.0.0.1/", "private or reserved"),
        ("URL", "https://x.example/" + "x" * 3000, "at most 2,048"),
        ("Timeout", "0", "1 to 60"),
        ("Timeout", "soon", "whole number"),
        ("Timeout", "", "whole number"),
        ("Timeout", "9" * 5000, "whole number"),
        ("Timeout", "٣", "whole number"),
        ("Expected Status Code", "600", "200 to 599"),
        ("Expected Status Code", "-1", "whole number"),
        ("HTTP Method", "TRACE", "Not a valid choice"),
        ("Check Interval", "5", "The Professional plan offers"),
        ("Check Interval", "9" * 40, "The Professional plan offers"),
        ("Project", "9" * 40, "Not a valid choice"),
        ("Headers", "X-Key", "Line 1 has no colon"),
        ("Headers", "Accept: a\nHost: b", "is set by Pulse"),
        ("Headers", "A: 1\nA: 2", "Give each header once"),
        ("Headers", "A: ü", "printable ASCII"),
        ("Request Body", "x", "Only POST, PUT and PATCH"),
    ],
)
def test_a_fault_is_told_at_its_field(tab, label, typed, said):
    tab.get("/monitors/new")
    form = form_of(soup(tab.last), "Create Monitor")
    name = form.find(id=next(each["for"] for each in form.find_all("label") if words(each) == label))["name"]

    reply = create(tab, **{str(name): typed})

    assert reply.status_code == 422
    assert said in fault(reply, label)
    assert db.session.query(Monitor).count() == 0


def test_all_faults_are_told_at_once_and_what_was_typed_is_kept(tab):
    reply = create(tab, name="", url="http://localhost.example:99999/", timeout_seconds="99", expected_status="201", method="PUT")

    page = soup(reply)
    assert len(page.select("[aria-invalid=true]")) == 3
    assert page.find(id="url")["value"] == "http://localhost.example:99999/"
    assert page.find(id="timeout_seconds")["value"] == "99"
    assert page.find(id="expected_status")["value"] == "201"
    assert words(page.select_one("#method option[selected]")) == "PUT"
    assert page.find(attrs={"autofocus": True})["id"] == "name"


@pytest.mark.parametrize(("kind", "label"), [("basic", "Username"), ("bearer", "Token")])
def test_credentials_that_are_missing_are_asked_for_at_their_own_field(tab, kind, label):
    assert fault(create(tab, auth_type=kind), label)


def test_another_teams_project_cannot_be_chosen(tab, charlie):
    foreign = make_monitor(charlie).project_id

    reply = create(tab, project_id=str(foreign))

    assert reply.status_code == 422
    assert fault(reply, "Project")


def test_at_the_plans_limit_the_button_is_off_and_says_why(tab, alice):
    alice.set_plan(Plan.FREE)
    for _ in range(Plan.FREE.limits.monitors):
        make_monitor(alice)

    page = soup(tab.get("/monitors"))
    refused = create(tab)

    button = next(each for each in page.find_all("button") if words(each) == "New Monitor")
    assert button.has_attr("disabled")
    assert "All 10 monitors that the Free plan includes are in use. Delete one, or choose a larger plan." in words(page)
    assert tab.get("/monitors/new").headers["Location"] == "/monitors"
    assert refused.status_code == 422
    assert "The Free plan includes 10 monitors" in text(refused)


def test_what_is_write_only_is_in_no_page(tab):
    create(tab, method="POST", auth_type="basic", **SECRETS)
    made = only().id
    create(tab, name="Token", auth_type="bearer", token="s3cret-token")
    pages = ["/monitors", "/incidents", "/settings/profile"]
    pages += [f"/monitors/{made + more}{tail}" for more in (0, 1) for tail in ("", "/edit", "/delete")]

    shown = [reply.get_data(as_text=True) for path in pages for reply in (tab.get(path), tab.fragment(path))]

    assert all("s3cret" not in each for each in shown)
    assert "X-Api-Key" in shown[6]


@pytest.mark.parametrize("path", ["/monitors/new", "/monitors/{}/edit"])
def test_not_even_a_refused_form_shows_it_but_asks_for_it_again(tab, alice, path):
    path = path.format(make_monitor(alice).id)

    reply = tab.submit(path, {"name": "", "url": "https://x.example", "method": "POST", "auth_type": "basic"} | SECRETS)

    assert reply.status_code == 422
    assert "s3cret" not in reply.get_data(as_text=True)
    for label in ("Headers", "Request Body", "Username", "Password"):
        assert fault(reply, label) == "Enter this again: it is never shown, not even here."


@pytest.fixture
def sealed(alice):
    """A monitor with all that is write-only."""
    auth = {"type": "basic", "username": "u", "password": "p"}
    return make_monitor(alice, method="POST", headers={"X-Api-Key": "k"}, body="b", auth=auth).id


def test_what_is_left_empty_is_kept(tab, sealed):
    before = asks(only())
    tab.get(f"/monitors/{sealed}/edit")

    reply = press(tab, "Save", {"Name": "Renamed"})

    assert reply.status_code == 303
    assert only().name == "Renamed"
    assert asks(only()) == before


def test_a_new_name_leaves_the_schedule_alone(tab, sealed):
    fence = only().fence
    tab.get(f"/monitors/{sealed}/edit")

    press(tab, "Save", {"Name": "Renamed"})

    assert only().fence == fence


def edit(tab, monitor_id, **fields):
    """Save a monitor as its form stands, with some of it changed."""
    shown = form_of(soup(tab.get(f"/monitors/{monitor_id}/edit")), "Save")
    data = {each["name"]: each["value"] for each in shown.find_all("input", {"value": True}) if each.get("type") != "checkbox"}
    data |= {each["name"]: each.find("option", selected=True)["value"] for each in shown.find_all("select")}
    data |= {each["name"]: "y" for each in shown.find_all("input", type="checkbox", checked=True)}
    return tab.post(f"/monitors/{monitor_id}/edit", data | fields)


@pytest.mark.parametrize(
    ("fields", "headers", "body", "auth"),
    [
        ({"clear_headers": "y"}, {}, b"b", "Basic dTpw"),
        ({"clear_body": "y"}, {"X-Api-Key": "k"}, None, "Basic dTpw"),
        ({"headers": "Accept: x", "clear_headers": "y"}, {"Accept": "x"}, b"b", "Basic dTpw"),
        ({"body": "c"}, {"X-Api-Key": "k"}, b"c", "Basic dTpw"),
        ({"method": "GET", "clear_body": "y"}, {"X-Api-Key": "k"}, None, "Basic dTpw"),
        ({"auth_type": "bearer", "token": "t"}, {"X-Api-Key": "k"}, b"b", "Bearer t"),
        ({"username": "x", "password": "y"}, {"X-Api-Key": "k"}, b"b", "Basic eDp5"),
    ],
)
def test_what_is_write_only_is_replaced_or_removed(tab, sealed, fields, headers, body, auth):
    reply = edit(tab, sealed, **fields)

    asked = asks(only())
    assert reply.status_code == 303
    assert (dict(asked.headers), asked.body, asked.auth.header) == (headers, body, auth)


def test_a_new_server_gets_nothing_that_is_stored(tab, sealed):
    reply = edit(tab, sealed, url="https://other.example.com/")

    assert reply.status_code == 422
    for label in ("Headers", "Request Body", "Username"):
        assert "leads to another server" in fault(reply, label)


def test_no_authentication_removes_the_credentials(tab, sealed):
    edit(tab, sealed, auth_type="none")

    assert asks(only()).auth is None


def test_half_of_the_credentials_are_none(tab, sealed):
    reply = edit(tab, sealed, password="new")

    assert reply.status_code == 422
    assert "needs a username and a password" in fault(reply, "Username")


def test_a_refused_change_changes_nothing(tab, sealed):
    reply = edit(tab, sealed, name="Other", url="ftp://x.example")

    assert reply.status_code == 422
    assert (only().name, only().url) == ("Shop", "https://shop.example.com/")
    assert soup(reply).find(id="name")["value"] == "Other"


def test_the_boxes_to_remove_are_only_where_something_is_stored(tab, alice):
    plain = make_monitor(alice).id

    assert "Remove the stored" not in text(tab.get(f"/monitors/{plain}/edit"))


def test_beside_the_url_it_is_said_what_another_server_means_for_what_is_stored(tab, sealed, alice):
    plain = make_monitor(alice, name="Plain").id

    hints = [words(soup(tab.get(f"/monitors/{each}/edit")).find(id="url-hint")) for each in (sealed, plain)]

    assert "enter the stored headers, request body and credentials again or remove them" in hints[0]
    assert "stored" not in hints[1]


def test_another_fault_does_not_hide_that_a_new_server_gets_nothing(tab, sealed):
    reply = edit(tab, sealed, name="", url="https://other.example.com/")

    assert "Enter a name." in fault(reply, "Name")
    assert "leads to another server" in fault(reply, "Headers")


def test_a_new_server_is_taken_with_everything_removed(tab, sealed):
    reply = edit(tab, sealed, url="https://other.example.com/", clear_headers="y", clear_body="y", auth_type="none")

    asked = asks(only())
    assert (reply.status_code, dict(asked.headers), asked.body, asked.auth) == (303, {}, None, None)


def test_a_status_that_is_never_the_last_word_cannot_be_expected(tab):
    offered = soup(tab.get("/monitors/new")).find(id="expected_status")

    reply = create(tab, expected_status="101")

    assert (offered["min"], reply.status_code) == ("200", 422)
    assert "Use a status code from 200 to 599." in text(reply)
