"""Pictures of every state of the API Keys tab and of the other pages, into `shots/`: `python3 dev.py shots [WORD]`.

With a WORD only the states whose name holds it. `python3 dev.py shots readme` writes the picture that README shows.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import update

from pulse import schema
from pulse.abilities import Ability
from pulse.app import create_app
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.incident import Incident
from pulse.models.invitation import Invitation
from pulse.models.key_counting import Tally, stamp
from pulse.models.key_counting import record as record_uses
from pulse.models.monitor import Monitor
from pulse.models.recording import Result, record
from pulse.models.token import Token
from pulse.plans import Plan
from pulse.probe import Timings
from pulse.roles import Role
from tests.alerts import make_channel, make_rule, plan_outage
from tests.browser.conftest import FLAGS, sign_in
from tests.factories import Person, join, make_key, make_person
from tests.live import Server, serving
from tests.monitors import BAD, GOOD, check, make_monitor
from tests.teams import invite
from tests.uses import recorded, use

FOLDER = Path("shots")
README = Path("docs/api-keys.png")
SIZES = {"1280": (1280, 900), "375": (375, 812)}
THEMES = ("light", "dark")
LINK = "the-one-link-that-a-picture-opens"
Act = Callable[[Page], None]


def cast_keys(person: Person) -> None:
    """Give a person keys in every state the list can show."""
    named = {
        "CI/CD Pipeline": (
            Ability.MONITORS_READ,
            Ability.MONITORS_WRITE,
            Ability.CHECKS_RUN,
            Ability.CHECKS_READ,
            Ability.KEY_ROTATE,
        ),
        "Dashboard Widget": (Ability.MONITORS_READ, Ability.CHECKS_READ),
        "Zapier Integration": (Ability.INCIDENTS_READ,),
        "Nightly report": (Ability.CHECKS_READ, Ability.INCIDENTS_READ),
        "Old laptop": (Ability.MONITORS_READ,),
    }
    made = {name: make_key(person, *abilities, name=name) for name, abilities in named.items()}
    now = utcnow()
    for name, ago in (("CI/CD Pipeline", 3), ("Dashboard Widget", 60 * 26), ("Old laptop", 60 * 24 * 200)):
        token = made[name].key.token
        token.first_used_at = token.last_used_at = now - timedelta(minutes=ago)
    for key in ApiKey.of_user(db.session, person.user_id):
        key.created_at = now - timedelta(days=30 + key.id)
    cast_uses(person, made["CI/CD Pipeline"].key)
    made["Nightly report"].key.expires_at = now + timedelta(days=6)
    made["Old laptop"].key.expires_at = now - timedelta(days=2)
    db.session.commit()


def cast_uses(person: Person, key: ApiKey) -> None:
    """Give a key a month of use, a rotation that not all of its clients have followed, and somebody who still knocks."""
    now, first = utcnow(), key.token.id
    runners = [("203.0.113.7", "github-actions/2.1"), ("203.0.113.8", "github-actions/2.1"), ("198.51.100.4", "curl/8.5.0")]
    tally = Tally()
    for hour in range(24 * 30, 2, -1):
        at = now - timedelta(hours=hour)
        for number in range(3 + hour * 7 % 11):
            address, agent = runners[number % 3]
            tally.add(use(first, at=at, address=address, agent=agent))
        tally.add(use(first, "POST /monitors/{monitor_id}/checks", "checks:run", at=at, status=201))
        if hour % 9 == 0:
            tally.add(use(first, "GET /incidents", "incidents:read", at=at, status=403, code="ability_required"))
            tally.add(use(first, "GET /monitors/{monitor_id}", at=at, status=404, code="not_found"))
    record_uses(db.session, tally)
    stamp(db.session, tally)
    key.rotate(db.session, replacing=first, by=person.actor)
    db.session.commit()
    moved = [use(key.token.id, address=address, agent=agent) for address, agent in runners[:2] for _ in range(40)]
    recorded(*moved, *(use(first, address="198.51.100.4", status=401, code="token_rotated") for _ in range(31)))
    db.session.execute(update(Token).where(Token.key_id == key.id).values(first_used_at=now - timedelta(days=20)))
    db.session.get_one(Token, key.token.id).last_used_at = now
    db.session.commit()


def cast_monitors(person: Person) -> None:
    """Give a person monitors in every state, with checks and incidents."""
    secret = {"headers": {"X-Api-Key": "k"}, "body": "{}", "auth": {"type": "bearer", "token": "t"}}
    shop = make_monitor(person, name="Shop checkout", url="https://shop.example.com/checkout?region=eu", method="POST", **secret)
    cast_month(shop)
    begins = utcnow() - timedelta(minutes=60)
    check(shop, *[replace(GOOD, response_time_ms=80 + 37 * number % 300) for number in range(40)], at=begins)
    check(shop, BAD, GOOD, BAD, BAD)
    check(make_monitor(person, name="Blog", url="https://blog.example.com/"), GOOD)
    make_monitor(person, name="Landing page", url="https://www.example.com/")
    staging = make_monitor(person, name="Staging", url="https://staging.example.com/")
    check(staging, BAD, BAD)
    staging.pause(db.session, person.actor)
    seen = db.session.query(Incident).filter_by(monitor_id=staging.id).one()
    seen.acknowledge(db.session, person.actor)
    db.session.commit()


def cast_alerts(person: Person) -> None:
    """Give a person rules of every condition, channels of every type, and planned outages."""
    shop = db.session.query(Monitor).filter_by(team_id=person.team_id, name="Shop checkout").one()
    url = "https://hooks.example.com/services/T00/B00/x"
    channels = [
        make_channel(person, name="Ops chat", type="slack", target=url),
        make_channel(person, name="Pager", type="webhook", target=url),
    ]
    told = [each.channel.id for each in channels]
    make_rule(person, name="Slow checkout", condition="response_time", value=800, monitor_ids=[shop.id], channel_ids=told)
    make_rule(person, name="Server errors", condition="status_code", operator="gte", value=500, channel_ids=told[:1])
    make_rule(person, name="Promised uptime", condition="uptime", value=99.9, window="30d", priority="medium", channel_ids=told)
    make_rule(person, name="Certificates", condition="tls_expiry", value=14, priority="low", active=False)
    channels[0].channel.last_tried_at = channels[1].channel.last_tried_at = utcnow() - timedelta(minutes=4)
    channels[1].channel.last_error = "http_500"
    now = utcnow().replace(tzinfo=None, second=0, microsecond=0)
    plan_outage(person, now - timedelta(minutes=20), now + timedelta(hours=2), title="Database upgrade", monitor_ids=[shop.id])
    begins = datetime(2026, 3, 1, 22)  # noqa: DTZ001 - the wall's own time
    plan_outage(person, begins, begins + timedelta(hours=5), title="Backups", repeats="weekly", timezone="Europe/Berlin")
    db.session.commit()


def cast_team(app: Flask, owner: Person) -> dict[str, Person]:
    """Give a person's team members in every role, invitations that wait and one that has run out; return the members."""
    roles = {"bob": Role.ADMIN, "erin": Role.MEMBER, "grace": Role.VIEWER}
    people = {
        name: join(make_person(app, name.capitalize(), f"{name}@example.com"), owner.team, role) for name, role in roles.items()
    }
    invite(owner, "judy@example.com")
    db.session.query(Invitation).update({"digest": sha256(LINK.encode()).digest()})
    invite(owner, "heidi@example.com", Role.VIEWER)
    invite(owner, "ivan.with.a.long.address@engineering.example.com", Role.ADMIN)
    late = db.session.query(Invitation).filter_by(email="heidi@example.com").one()
    late.expires_at = utcnow() - timedelta(hours=3)
    db.session.commit()
    return people


def cast_month(monitor: Monitor) -> None:
    """Give a monitor a month of checks, with some failures and a day off."""
    now = utcnow()
    timings = Timings(dns=1_400, connect=12_000, tls=31_000, first_byte=70_000)
    for hour in range(24 * 30, 1, -1):
        if 200 < hour < 226:
            continue
        outcome = replace(GOOD, response_time_ms=120 + 37 * hour % 90 + (300 if hour % 41 == 0 else 0), timings=timings)
        for minute in (0, 20, 40):
            failed = hour % 29 == 0 and minute
            at = now - timedelta(hours=hour) + timedelta(minutes=minute)
            record(db.session, [Result(monitor.id, BAD if failed and minute == 20 else outcome, at)])
    db.session.commit()


def open_first(page: Page) -> None:
    """A monitor that was checked once."""
    page.goto("/monitors")
    page.get_by_role("link", name="Blog", exact=True).click()
    page.get_by_role("heading", name="Blog").wait_for()


def open_month(page: Page) -> None:
    open_monitor(page)
    page.get_by_role("link", name="30 days").click()
    page.locator("#span-30d[aria-current]").wait_for()


def filter_checks(page: Page) -> None:
    open_monitor(page)
    page.get_by_label("Result").select_option("Down")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Show All").wait_for()


def open_monitor(page: Page) -> None:
    page.goto("/monitors")
    page.get_by_role("link", name="Shop checkout", exact=True).click()
    page.get_by_role("heading", name="Shop checkout").wait_for()


def open_monitor_settings(page: Page) -> None:
    open_monitor(page)
    page.get_by_text("Settings", exact=True).last.click()


def open_monitor_figures(page: Page) -> None:
    """The tables behind its pictures."""
    open_monitor(page)
    page.get_by_text("Response times as a table").click()
    page.get_by_text("Uptime as a table").click()


def edit_monitor(page: Page) -> None:
    open_monitor(page)
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("heading", name="Edit Monitor").wait_for()


def save_overtaken(page: Page) -> None:
    """A change of a monitor that somebody else has changed meanwhile."""
    edit_monitor(page)
    page.get_by_label("Name", exact=True).fill("Shop checkout in the EU")
    other = page.context.new_page()
    edit_monitor(other)
    other.get_by_label("Timeout").fill(str(int(other.get_by_label("Timeout").input_value()) % 50 + 1))
    other.get_by_role("button", name="Save").click()
    other.get_by_text("was saved").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Somebody has changed this monitor").wait_for()


def delete_monitor(page: Page) -> None:
    open_monitor(page)
    page.get_by_role("link", name="Delete Monitor").click()
    page.get_by_role("dialog").wait_for()


def refuse_monitor(page: Page) -> None:
    page.goto("/monitors/new")
    page.get_by_label("URL").fill("http://10.0.0.1/")
    page.get_by_label("Timeout").fill("99")
    page.get_by_text("Advanced").click()
    page.get_by_label("Headers").fill("X-Api-Key")
    page.get_by_role("button", name="Create Monitor").click()
    page.get_by_text("Enter a name.").wait_for()


def send_signed_out(page: Page) -> None:
    """What was typed, kept: the session had ended when it was sent."""
    page.goto("/monitors/new")
    page.get_by_label("Name", exact=True).fill("Shop")
    signed_in = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_role("button", name="Create Monitor").click()
    page.get_by_role("heading", name="You have been signed out").wait_for()
    page.context.add_cookies([*signed_in])  # for the states that follow


def send_again(page: Page) -> None:
    """What was typed, kept: its page was opened before the last sign-in."""
    page.goto("/monitors/new")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach((each) => { each.value = 'of an earlier session' })")
    page.get_by_role("button", name="Create Monitor").click()
    page.get_by_role("heading", name="Send this again?").wait_for()


def open_incident(page: Page) -> None:
    page.goto("/incidents")
    page.get_by_role("link", name="Shop checkout is down").first.click()
    page.get_by_role("heading", name="Shop checkout is down").wait_for()


def resolve_incident(page: Page) -> None:
    open_incident(page)
    page.get_by_role("link", name="Resolve").click()
    page.get_by_role("dialog").wait_for()


def open_keys(page: Page) -> None:
    page.goto("/settings/api-keys")


def open_create(page: Page) -> None:
    open_keys(page)
    page.get_by_role("link", name="Create API Key").click()
    page.get_by_role("dialog").wait_for()


def refuse_create(page: Page) -> None:
    open_create(page)
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    page.get_by_text("Choose at least one permission.").wait_for()


def reveal(page: Page) -> None:
    open_create(page)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(f"Deploy {utcnow().timestamp()}"[:24])
    dialog.locator("input[value='monitors:read']").check()
    dialog.get_by_role("button", name="Create", exact=True).click()
    page.get_by_label("Token", exact=True).wait_for()


def reveal_shown(page: Page) -> None:
    reveal(page)
    page.get_by_role("button", name="Show").click()


def open_menu(page: Page) -> None:
    open_keys(page)
    page.get_by_role("button", name="Actions for Dashboard Widget").click()


def open_act(label: str) -> Act:
    def act(page: Page) -> None:
        open_menu(page)
        page.get_by_role("menuitem", name=label).click()
        page.get_by_role("dialog").wait_for()

    return act


def open_key(page: Page) -> None:
    open_keys(page)
    page.get_by_role("link", name="CI/CD Pipeline").click()
    page.get_by_role("heading", name="CI/CD Pipeline").wait_for()


def open_key_month(page: Page) -> None:
    open_key(page)
    page.get_by_role("link", name="30 days").click()
    page.get_by_text("in the last 30 days").first.wait_for()
    page.get_by_text("Figures").click()


def narrow(page: Page) -> None:
    open_key(page)
    page.get_by_role("link", name="Narrow").click()
    page.get_by_role("dialog").wait_for()


def rotate_used(page: Page) -> None:
    open_keys(page)
    page.get_by_role("button", name="Actions for CI/CD Pipeline").click()
    page.get_by_role("menuitem", name="Rotate").click()
    page.get_by_role("dialog").wait_for()


def rotate_stale(page: Page) -> None:
    rotate_used(page)
    page.locator("dialog input[name=token_id]").evaluate("field => field.value = 1")
    page.get_by_role("button", name="Rotate Key").click()
    page.get_by_text("This token was already replaced.").wait_for()


def choose_smaller(page: Page) -> None:
    page.goto("/settings/billing")
    page.get_by_role("link", name="Choose Free").click()
    page.get_by_role("dialog").wait_for()


def open_account(page: Page) -> None:
    page.goto("/support")
    page.get_by_label("Email, key name").fill("alice@example.com")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="alice@example.com").click()
    page.get_by_role("heading", name="Audit trail").wait_for()


def refuse_act(page: Page) -> None:
    open_account(page)
    page.get_by_role("button", name="Suspend").click()
    page.get_by_text("Enter a reason.").wait_for()


def rotate_at_key(page: Page) -> None:
    open_key(page)
    page.get_by_role("link", name="Rotate", exact=True).click()
    page.get_by_role("dialog").wait_for()


def create_expiring(page: Page) -> None:
    open_create(page)
    page.get_by_label("Expires").select_option("30 days")
    page.get_by_text("The token is shown once").scroll_into_view_if_needed()


def delete_used(page: Page) -> None:
    open_keys(page)
    page.get_by_role("button", name="Actions for CI/CD Pipeline").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete Key").click()
    page.get_by_text("This key is in use.").wait_for()


def reveal_arrived(page: Page) -> None:
    reveal_shown(page)
    token = page.get_by_label("Token", exact=True).input_value()
    page.request.get("/api/v1/incidents", headers={"Authorization": f"Bearer {token}"})
    page.get_by_text("Received:").wait_for()


def organization(link: str) -> Act:
    def act(page: Page) -> None:
        page.goto("/organization")
        page.get_by_role("link", name=link).first.click()
        page.get_by_role("dialog").wait_for()

    return act


def refuse_invitation(page: Page) -> None:
    page.goto("/organization")
    page.get_by_label("Email").fill("bob@example.com")
    page.get_by_role("button", name="Send Invitation").click()
    page.get_by_text("is already a member of this team").wait_for()


def switch_team(page: Page) -> None:
    page.goto("/organization")
    if page.get_by_role("button", name="Menu").is_visible():
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Switch Team").click()
    page.get_by_role("menu", name="Teams").wait_for()


def switch_to(page: Page, team: str) -> None:
    switch_team(page)
    page.get_by_role("menuitem", name=team).click()
    page.get_by_role("heading", name="Monitors", exact=True).wait_for()


def second_team(page: Page) -> None:
    switch_to(page, "Alice’s team")
    page.goto("/organization")


def follow_elsewhere(page: Page) -> None:
    """A link to what is in another of one's teams."""
    switch_to(page, "Alice’s team")
    page.get_by_role("link", name="Blog", exact=True).click()
    page.get_by_role("heading", name="Blog").wait_for()
    address = page.url
    switch_to(page, "Bob’s team")
    page.goto(address)
    page.get_by_role("button", name="Switch to Alice’s team").wait_for()


def send_strayed(page: Page) -> None:
    """A form of one team, sent after another tab has switched to another."""
    switch_to(page, "Alice’s team")
    page.goto("/monitors/new")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("URL").fill("https://shop.example.com/")
    switch_to(page.context.new_page(), "Bob’s team")
    page.get_by_role("button", name="Create Monitor").click()
    page.get_by_text("You have switched to another team").wait_for()


def visit(path: str) -> Act:
    return lambda page: page.goto(path) and None


def open_operation(page: Page) -> None:
    """The parts of an operation of the API: its answer, fields and errors."""
    page.goto("/docs#monitors_show")
    page.locator("#monitors_show summary").click()


def open_rule_menu(page: Page) -> None:
    """The menu of a rule."""
    page.goto("/alerts")
    page.get_by_role("button", name="Actions for Slow checkout").click()


def edit_rule(page: Page) -> None:
    """The form of a rule for chosen monitors."""
    page.goto("/alerts")
    page.get_by_role("link", name="Promised uptime").click()
    page.get_by_label("Chosen monitors").check()


def refuse_rule(page: Page) -> None:
    """A new rule, refused."""
    page.goto("/alerts/rules/new")
    page.get_by_label("Condition Type").select_option("response_time")
    page.get_by_role("button", name="Create Rule").click()


def dry_run_rule(page: Page) -> None:
    """The dry run of a rule."""
    open_rule_menu(page)
    page.get_by_role("menuitem", name="Test Rule").click()
    page.get_by_role("dialog").wait_for()


def make_webhook(page: Page) -> None:
    """The signing key of a new webhook, shown once."""
    page.goto("/alerts/channels/new")
    page.get_by_label("Name").fill("Deploy bot")
    page.get_by_label("Type").select_option("webhook")
    page.get_by_label("Target").fill("https://deploy.example.com/hooks/pulse")
    page.get_by_role("button", name="Create Channel").click()
    page.get_by_label("Signing key").wait_for()


STATES: dict[str, tuple[str, Act]] = {
    "keys-list": ("alice", open_keys),
    "keys-menu": ("alice", open_menu),
    "keys-create": ("alice", open_create),
    "keys-create-expiring": ("alice", create_expiring),
    "keys-create-refused": ("alice", refuse_create),
    "keys-reveal": ("alice", reveal),
    "keys-reveal-shown": ("alice", reveal_shown),
    "keys-rotate": ("alice", open_act("Rotate")),
    "keys-delete": ("alice", open_act("Delete")),
    "keys-reveal-arrived": ("alice", reveal_arrived),
    "keys-rotate-used": ("alice", rotate_used),
    "keys-rotate-stale": ("alice", rotate_stale),
    "keys-delete-used": ("alice", delete_used),
    "keys-create-repair": (
        "alice",
        visit("/settings/api-keys/new?name=CI/CD+Pipeline&ability=checks:run&ability=incidents:read"),
    ),
    "key-page": ("alice", open_key),
    "key-page-month": ("alice", open_key_month),
    "key-page-narrow": ("alice", narrow),
    "key-page-rotate": ("alice", rotate_at_key),
    "docs": ("alice", visit("/docs#ability_required")),
    "docs-operation": ("alice", open_operation),
    "keys-empty": ("charlie", open_keys),
    "keys-free": ("frank", open_keys),
    "keys-limit": ("lisa", open_keys),
    "profile": ("alice", visit("/settings/profile")),
    "billing": ("alice", visit("/settings/billing")),
    "billing-smaller": ("alice", choose_smaller),
    "billing-free": ("frank", visit("/settings/billing")),
    "dashboard": ("alice", visit("/dashboard")),
    "dashboard-empty": ("charlie", visit("/dashboard")),
    "monitors": ("alice", visit("/monitors")),
    "monitor": ("alice", open_monitor),
    "monitor-month": ("alice", open_month),
    "monitor-first": ("alice", open_first),
    "monitor-filter": ("alice", filter_checks),
    "monitor-figures": ("alice", open_monitor_figures),
    "monitor-settings": ("alice", open_monitor_settings),
    "monitor-edit": ("alice", edit_monitor),
    "monitor-delete": ("alice", delete_monitor),
    "monitor-refused": ("alice", refuse_monitor),
    "monitor-new-signed-out": ("alice", send_signed_out),
    "monitor-new-send-again": ("alice", send_again),
    "monitor-edit-overtaken": ("alice", save_overtaken),
    "monitor-elsewhere": ("bob", follow_elsewhere),
    "monitor-new-strayed": ("bob", send_strayed),
    "incidents": ("alice", visit("/incidents")),
    "incident": ("alice", open_incident),
    "incident-resolve": ("alice", resolve_incident),
    "alerts": ("alice", visit("/alerts")),
    "alerts-menu": ("alice", open_rule_menu),
    "alerts-rule": ("alice", edit_rule),
    "alerts-rule-refused": ("alice", refuse_rule),
    "alerts-test": ("alice", dry_run_rule),
    "alerts-channels": ("alice", visit("/alerts/channels")),
    "alerts-channel": ("alice", visit("/alerts/channels/new")),
    "alerts-channel-made": ("alice", make_webhook),
    "alerts-outages": ("alice", visit("/alerts/outages")),
    "alerts-outage": ("alice", visit("/alerts/outages/new")),
    "organization": ("alice", visit("/organization")),
    "organization-remove": ("alice", organization("Remove Erin")),
    "organization-transfer": ("alice", organization("Transfer Ownership")),
    "organization-delete": ("alice", organization("Delete Team")),
    "organization-refused": ("alice", refuse_invitation),
    "organization-switch": ("bob", switch_team),
    "organization-admin": ("bob", second_team),
    "organization-viewer": ("grace", second_team),
    "organization-free": ("frank", visit("/organization")),
    "invitation": ("", visit(f"/invitations/{LINK}")),
    "invitation-other": ("charlie", visit(f"/invitations/{LINK}")),
    "invitation-ended": ("", visit("/invitations/none")),
    "monitors-empty": ("charlie", visit("/monitors")),
    "monitors-new": ("charlie", visit("/monitors/new")),
    "incidents-empty": ("charlie", visit("/incidents")),
    "not-found": ("alice", visit("/no-such-page")),
    "support": ("dana", visit("/support")),
    "support-account": ("dana", open_account),
    "support-refused": ("dana", refuse_act),
    "sign-in": ("", visit("/sign-in")),
    "sign-up": ("", visit("/sign-up")),
    "forgot": ("", visit("/forgot-password")),
}


@contextmanager
def stage() -> Generator[tuple[Server, dict[str, Person]]]:
    """Run a server with the cast in it."""
    with tempfile.TemporaryDirectory(prefix="pulse-shots-") as name:
        settings = Settings(data=Path(name), password_cost=4)
        schema.migrate(settings.database)
        app = create_app(settings)
        with app.app_context():
            people = make_cast(app)
        with serving(settings, PULSE_SUPPORT_EMAIL="support@example.com", PULSE_LOGIN_LIMIT="1000 per minute") as server:
            yield server, people


def make_cast(app: Flask) -> dict[str, Person]:
    """Sign up those whose pages differ."""
    people = {
        name: make_person(app, name.capitalize(), f"{name}@example.com", plan)
        for name, plan in (
            ("alice", Plan.PROFESSIONAL),
            ("charlie", Plan.STARTER),
            ("frank", Plan.FREE),
            ("lisa", Plan.STARTER),
            ("dana", Plan.FREE),
        )
    }
    people |= cast_team(app, people["alice"])
    cast_keys(people["alice"])
    cast_monitors(people["alice"])
    cast_alerts(people["alice"])
    for number in range(5):
        make_key(people["lisa"], Ability.MONITORS_READ, name=f"Worker {number + 1}")
    people["dana"].make_staff()
    return people


def take(browser: Browser, server: Server, person: Person | None, act: Act, files: dict[tuple[str, str], Path]) -> None:
    """Take one state's pictures in all sizes and themes."""
    for (size, theme), file in files.items():
        width, height = SIZES[size]
        context = browser.new_context(
            base_url=server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",  # a menu that still rises cannot be hit
        )
        page = context.new_page()
        if person is not None:
            sign_in(page, person)
        act(page)
        page.wait_for_timeout(200)
        page.screenshot(path=file, full_page=True)
        context.close()


def main(word: str = "") -> None:
    """Take all pictures, or those of the states whose name holds `word`."""
    FOLDER.mkdir(exist_ok=True)
    system = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with stage() as (server, people), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        if word == "readme":
            README.parent.mkdir(exist_ok=True)
            take(browser, server, people["alice"], open_keys, {("1280", "light"): README})
            return
        for name, (who, act) in STATES.items():
            if word in name:
                files = {(size, theme): FOLDER / f"{name}-{size}-{theme}.png" for size in SIZES for theme in THEMES}
                take(browser, server, people.get(who), act, files)
                print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
