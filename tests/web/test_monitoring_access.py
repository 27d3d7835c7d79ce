"""Who may see and change monitors and incidents, and what hostile words do there."""

import pytest

from pulse.extensions import db
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.roles import Role
from tests.factories import join
from tests.helpers import HTMX, soup, text
from tests.monitors import BAD, check, make_monitor
from tests.teams import look_at
from tests.web.forms import words

HOSTILE = "<script>alert(1)</script> \" onfocus=x ' {{7*7}} &amp;"


def only():
    """Return the one monitor there is."""
    db.session.rollback()
    return db.session.query(Monitor).one()


def create(tab, **fields):
    """Send the form for a new monitor."""
    whole = {"name": "Shop", "url": "https://shop.example.com", "verify_tls": "y"} | fields
    return tab.submit("/monitors/new", whole, page="/settings/profile")


def routes(app, blueprint):
    """Return (method, path) of every route of a blueprint that names one of its things."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{blueprint}.") and rule.arguments]
    return [(method, rule.rule) for rule in rules for method in sorted(rule.methods - {"OPTIONS", "HEAD"})]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("blueprint", ["monitors", "incidents"])
def test_charlie_finds_nothing_of_alices(app, visitor, alice, charlie, blueprint, headers):
    monitor = make_monitor(alice, name="Canary")
    check(monitor, BAD, BAD)
    ids = {"monitors": monitor.id, "incidents": db.session.query(Incident).one().id}
    visitor.sign_in(charlie)
    proof = {"csrf_token": visitor.csrf_token("/settings/profile")}
    found = routes(app, blueprint)

    assert len(found) >= 4
    for method, rule in found:
        paths = [rule.replace(f"<id:{blueprint[:-1]}_id>", str(number)) for number in (ids[blueprint], 987654321)]
        theirs, unknown = (visitor.open(method, path, headers=headers, data=proof) for path in paths)
        assert theirs.status_code == unknown.status_code == 404, (method, rule)
        bodies = [each.get_data(as_text=True).replace(each.headers["X-Request-Id"], "") for each in (theirs, unknown)]
        assert bodies[0] == bodies[1]
    for path in ("/monitors", "/incidents"):
        assert "Canary" not in visitor.get(path).get_data(as_text=True)
    assert db.session.query(Incident).one().status == "open"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_viewer_reads_and_is_refused_all_else(app, visitor, alice, charlie, headers):
    viewer = join(charlie, alice.team, Role.VIEWER)
    monitor = make_monitor(alice)
    check(monitor, BAD, BAD)
    ids = {"monitor_id": monitor.id, "incident_id": db.session.query(Incident).one().id}
    visitor.sign_in(viewer)
    look_at(alice.team)
    proof = {"csrf_token": visitor.csrf_token("/settings/profile")}
    reads = ["/monitors", f"/monitors/{ids['monitor_id']}", "/incidents", f"/incidents/{ids['incident_id']}"]

    for path in reads:
        panel = soup(visitor.get(path)).find(id="panel")
        assert panel.find("h1")
        assert not panel.select("form[method=post], [hx-post]")
    ours = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(("monitors.", "incidents."))]
    writes = [rule for rule in ours if "POST" in rule.methods]
    assert len(writes) == 8
    for rule in writes:
        path = rule.rule.replace("<id:monitor_id>", str(ids["monitor_id"])).replace("<id:incident_id>", str(ids["incident_id"]))
        reply = visitor.post(path, proof, headers=headers)
        assert reply.status_code == 403, path
        assert "Your role, Viewer, can only read." in text(reply)
    assert (only().name, only().state) == ("Shop", "down")


def test_a_member_writes(visitor, alice, bob):
    visitor.sign_in(bob)
    look_at(alice.team)

    assert create(visitor).status_code == 303
    assert only().team_id == alice.team_id


@pytest.mark.parametrize("path", ["/monitors", "/monitors/new", "/monitors/1", "/monitors/1/edit", "/incidents", "/incidents/1"])
def test_whoever_is_not_signed_in_is_led_to_sign_in(visitor, path):
    page, fragment = visitor.get(path), visitor.fragment(path)

    assert page.status_code == 303
    assert page.headers["Location"].startswith("/sign-in?next=")
    assert fragment.headers["HX-Redirect"] == "/sign-in"


@pytest.mark.parametrize("act", ["check", "pause", "resume", "delete", "edit"])
def test_nothing_is_done_without_the_proof_of_a_page_of_ours(tab, alice, act):
    monitor = make_monitor(alice).id

    assert tab.post(f"/monitors/{monitor}/{act}", headers=HTMX).status_code == 400
    assert only().state == "pending"


def test_hostile_names_and_addresses_are_text_everywhere(tab, alice):
    monitor = make_monitor(alice, name=HOSTILE, url="https://x.example/\"><script>alert(1)</script>?'=javascript:alert(2)")
    check(monitor, BAD, BAD)
    incident = db.session.query(Incident).one().id
    paths = ["/monitors", "/incidents", f"/incidents/{incident}", f"/incidents/{incident}/resolve"]
    paths += [f"/monitors/{monitor.id}{tail}" for tail in ("", "/edit", "/delete")]

    for path in paths:
        for reply in (tab.get(path), tab.fragment(path)):
            page = soup(reply)
            assert HOSTILE in page.get_text() or page.find(attrs={"value": HOSTILE}), path
            assert all(each.get("src", "").startswith("/static/") for each in page.find_all("script"))
            assert not page.find_all(onfocus=True)
            assert all(each["href"].startswith(("/", "#")) for each in page.find_all(href=True))


def test_a_hostile_name_is_text_where_an_act_is_told(tab, alice):
    path = f"/monitors/{make_monitor(alice, name=HOSTILE).id}"

    reply = tab.submit_fragment(f"{path}/pause", page=path)

    assert HOSTILE in words(soup(reply).find(attrs={"data-flash": True}))
    assert not soup(reply).find("script")
