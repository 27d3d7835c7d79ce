"""The command `pulse`, as an operator types it."""

import subprocess
import sys
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import select, text, update

from pulse import schema
from pulse.clock import utcnow
from pulse.config import ROOT, Settings
from pulse.db import connect
from pulse.extensions import db
from pulse.models.event import Event
from pulse.models.token import Token
from pulse.models.user import User
from pulse.plans import Plan
from tests.factories import PASSWORD, Person, make_key
from tests.fresh import fresh_database, run
from tests.helpers import assert_problem

SERVERS = (["serve"], ["web"], ["checker"], ["checker", "--once"])


@pytest.fixture
def pulse(app, settings):
    """Run a command on the tests' database."""
    return lambda *arguments, **options: run(settings, *arguments, **options)


def person_of(email):
    user = User.by_email(db.session, email)
    return Person(user.id, user.memberships[0].team_id, email)


def is_let_in(visitor, email, password):
    """Sign in by the form, and tell whether that led on."""
    reply = visitor.submit("/sign-in?next=/settings/profile", {"email": email, "password": password})
    return reply.headers.get("Location") == "/settings/profile"


def actions_by_operator():
    db.session.rollback()
    return list(db.session.scalars(select(Event.action).where(Event.actor_kind == "operator").order_by(Event.id)))


# --- users -----------------------------------------------------------------------------------------------------


def test_an_unknown_account_is_told_in_one_sentence(pulse):
    result = pulse("users", "suspend", "nobody@example.com")

    assert (result.exit_code, result.output) == (1, "Error: No account has the address nobody@example.com.\n")


def test_a_taken_address_is_refused(pulse, alice):
    result = pulse("users", "create", "ALICE@example.com", "--name", "Alice again")

    assert result.exit_code == 1
    assert "already has an account" in result.output


@pytest.mark.parametrize("email", ["alice", "alice@", "a\nb@example.com"])
def test_what_is_no_address_gets_no_account(pulse, email):
    result = pulse("users", "create", email, "--name", "Alice")

    assert (result.exit_code, result.output) == (1, "Error: Enter an email address such as name@example.com.\n")
    assert User.by_email(db.session, email) is None


@pytest.mark.parametrize("password", ["short", "password123", b"\xff\xfe not text"])
def test_a_bad_password_on_standard_input_makes_no_account(pulse, password):
    line = password if isinstance(password, bytes) else password.encode()

    result = pulse("users", "create", "alice@example.com", "--name", "Alice", "--password-stdin", stdin=line + b"\n")

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert User.by_email(db.session, "alice@example.com") is None


def test_an_account_is_made_with_a_password_from_standard_input_that_is_not_shown(pulse, visitor):
    result = pulse("users", "create", "alice@example.com", "--name", "Alice", "--password-stdin", stdin=f"{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert is_let_in(visitor, "alice@example.com", PASSWORD)


def test_an_account_is_made_with_a_random_password_that_is_shown_once(pulse, visitor):
    result = pulse("users", "create", "alice@example.com", "--name", "Alice", "--plan", "team")

    password = result.output.rpartition("Password, shown only now: ")[2].strip()
    assert len(password) == 20
    assert person_of("alice@example.com").team.plan is Plan.TEAM
    assert is_let_in(visitor, "alice@example.com", password)


def test_a_new_account_has_the_plan_of_sign_up_unless_told_otherwise(pulse):
    pulse("users", "create", "alice@example.com", "--name", "Alice", PULSE_SIGNUP_PLAN="starter")

    assert person_of("alice@example.com").team.plan is Plan.STARTER


def test_a_suspended_account_and_its_keys_stop_and_a_restored_one_works(pulse, api, alice):
    token = make_key(alice).token

    pulse("users", "suspend", alice.email)
    assert_problem(api.get("/key", token=token), 403, "account_suspended")
    pulse("users", "restore", alice.email)

    assert api.get("/key", token=token).status_code == 200


# --- plans and staff -------------------------------------------------------------------------------------------


def test_an_unknown_plan_is_refused(pulse, alice):
    assert pulse("plan", alice.email, "platinum").exit_code == 2
    assert alice.team.plan is Plan.PROFESSIONAL


def test_a_plan_is_in_force_at_the_next_request(pulse, api, alice):
    token = make_key(alice).token

    result = pulse("plan", alice.email, "free")

    assert result.output == "The team of alice@example.com is on Free.\n"
    assert_problem(api.get("/key", token=token), 403, "plan_required")


def test_a_plan_is_that_of_the_team_the_user_owns_and_of_no_other(pulse, alice, bob):
    pulse("plan", bob.email, "team")

    assert bob.team.plan is Plan.TEAM
    assert alice.team.plan is Plan.PROFESSIONAL


def test_staff_is_granted_and_taken_back(pulse, charlie):
    pulse("staff", "grant", charlie.email)
    assert charlie.user.is_staff
    pulse("staff", "revoke", charlie.email)

    assert not charlie.user.is_staff


# --- keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--user", "alice@example.com", "--before", "2026-01-01"],
        ["--before", "yesterday"],
        ["--before", ""],
        ["--before", "0001-01-01T00:00:00+14:00"],
        ["--before", "9999-12-31T23:59:59-01:00"],
    ],
)
def test_keys_are_revoked_only_when_it_is_clear_which(pulse, api, alice, options):
    token = make_key(alice).token

    assert pulse("keys", "revoke", *options).exit_code == 2
    assert api.get("/key", token=token).status_code == 200


def test_the_keys_of_one_account_are_revoked(pulse, api, alice, charlie):
    tokens = [make_key(alice, name=name).token for name in ("CI", "Laptop")]
    other = make_key(charlie).token

    result = pulse("keys", "revoke", "--user", alice.email)

    assert result.output == "Revoked 2 keys.\n"
    for token in tokens:
        assert_problem(api.get("/key", token=token), 401, "token_deleted")
    assert api.get("/key", token=other).status_code == 200


@pytest.mark.parametrize("zone", ["", "Z", "+00:00"])
def test_keys_with_old_tokens_are_revoked(pulse, api, alice, zone):
    old, new = make_key(alice, name="Old"), make_key(alice, name="New")
    aged = update(Token).where(Token.key_id == old.key.id).values(issued_at=utcnow() - timedelta(days=30))
    db.session.execute(aged)
    db.session.commit()
    time = (utcnow() - timedelta(days=1)).replace(tzinfo=None).isoformat(timespec="seconds")

    result = pulse("keys", "revoke", "--before", time + zone)

    assert result.output == "Revoked 1 key.\n"
    assert_problem(api.get("/key", token=old.token), 401, "token_deleted")
    assert api.get("/key", token=new.token).status_code == 200


# --- the trail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (["users", "create", "eve@example.com", "--name", "Eve"], "account.created"),
        (["users", "suspend", "alice@example.com"], "account.suspended"),
        (["plan", "alice@example.com", "team"], "plan.changed"),
        (["staff", "grant", "alice@example.com"], "staff.granted"),
        (["keys", "revoke", "--user", "alice@example.com"], "key.revoked"),
        (["backup", "copy"], "backup.made"),
    ],
)
def test_every_act_is_in_the_trail_as_the_operators(pulse, alice, tmp_path, monkeypatch, arguments, action):
    monkeypatch.chdir(tmp_path)
    make_key(alice)

    assert pulse(*arguments).exit_code == 0

    assert actions_by_operator()[-1] == action


@pytest.mark.parametrize(
    ("act", "undo", "action"),
    [
        (["users", "suspend"], ["users", "restore"], "account.restored"),
        (["staff", "grant"], ["staff", "revoke"], "staff.revoked"),
    ],
)
def test_taking_back_is_in_the_trail_too(pulse, alice, act, undo, action):
    pulse(*act, alice.email)

    pulse(*undo, alice.email)

    assert actions_by_operator()[-1] == action


# --- settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PULSE_PORT": "http"}, "PULSE_PORT: Input should be a valid integer"),
        ({"PULSE_ALLOWED_NETWORKS": "10.0.0.0/8 everywhere"}, "PULSE_ALLOWED_NETWORKS: "),
        ({"PULSE_LOGIN_LIMIT": "often"}, "PULSE_LOGIN_LIMIT: "),
        ({"PULSE_DATABASE_URL": "mysql://pulse:hunter2@db/pulse"}, "PULSE_DATABASE_URL: use postgresql://"),
        ({"PULSE_DATABASE_URL": "hunter2"}, "PULSE_DATABASE_URL: this is not a database"),
        ({"PULSE_DATABASE_URL": "postgresql://pulse:hun ter2@db:hunter2/pulse"}, "PULSE_DATABASE_URL: this is not a database"),
        ({"PULSE_BASE_URL": "foo"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "https://"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "ftp://pulse.example.com"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://pulse.example.com/pulse"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://pulse.example.com?a"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://pulse.example.com:65536"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://me:hunter2@pulse.example.com"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://[::1"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_BASE_URL": "http://bücher.example"}, "PULSE_BASE_URL: give the address"),
        ({"PULSE_DATA": "/etc/passwd", "PULSE_DATABASE_URL": ""}, "PULSE_DATA: /etc/passwd cannot hold data: File exists."),
        ({"PULSE_DATA": "/etc/passwd/x"}, "PULSE_DATA: /etc/passwd/x cannot hold data: Not a directory."),
        ({"PULSE_DATA": "/proc/x"}, "PULSE_DATA: /proc/x cannot hold data: "),
        ({"PULSE_DATA": "/proc"}, "PULSE_DATA: /proc cannot hold data: "),
        ({"PULSE_SMTP_URL": "smtp://pulse:hunter2:hunter2@mail:hunter2"}, "PULSE_SMTP_URL: use smtp://"),
    ],
)
@pytest.mark.parametrize("arguments", [["web"], ["migrate"], ["users", "suspend", "alice@example.com"]])
def test_a_setting_that_cannot_be_is_named_without_its_secret(pulse, arguments, variables, sentence):
    result = pulse(*arguments, **variables)

    assert result.exit_code == 2
    assert result.output.startswith(f"Error: {sentence}")
    assert result.output.count("\n") == 1
    assert "hunter2" not in result.output


STRONG = "Vm3kQ-0pXr7tLz9wBn5cJd1sHf4gYa6e"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"PULSE_SECRET_KEY": "", "PULSE_BASE_URL": "https://pulse.example.com"}, "PULSE_SECRET_KEY"),
        ({"PULSE_SECRET_KEY": "secret-secret", "PULSE_BASE_URL": "https://pulse.example.com"}, "PULSE_SECRET_KEY"),
        ({"PULSE_SECRET_KEY": "a" * 64, "PULSE_BASE_URL": "https://pulse.example.com"}, "PULSE_SECRET_KEY"),
        ({"PULSE_SECRET_KEY": STRONG, "PULSE_BASE_URL": "http://pulse.example.com"}, "PULSE_BASE_URL"),
        ({"PULSE_SECRET_KEY": STRONG}, "PULSE_BASE_URL"),
    ],
)
@pytest.mark.parametrize("arguments", SERVERS, ids=" ".join)
def test_production_refuses_a_weak_secret_and_plain_http(pulse, arguments, variables, named):
    result = pulse(*arguments, **{"PULSE_ENV": "production", "PULSE_PASSWORD_COST": "12"} | variables)

    assert result.exit_code == 2
    assert named in result.output
    assert "secret-secret" not in result.output


def test_a_command_reaches_the_same_data_wherever_it_is_run(monkeypatch, tmp_path):
    before = Settings().data
    monkeypatch.chdir(tmp_path)

    assert Settings().data == before == ROOT / "instance"
    assert Settings(data="elsewhere").folder == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Pulse.example.com", "pulse.example.com"),
        ("https://pulse.example.com:443/", "pulse.example.com"),
        ("http://pulse.example.com:80", "pulse.example.com"),
        ("https://pulse.example.com:8443", "pulse.example.com:8443"),
    ],
)
def test_the_host_that_requests_name_has_no_port_of_its_schemes_own(url, host):
    assert Settings(base_url=url).site_host == host


def test_production_tells_all_that_is_weak_at_once(pulse):
    result = pulse("web", PULSE_ENV="production", PULSE_PASSWORD_COST="4", PULSE_SECRET_KEY="short")

    assert all(name in result.output for name in ("PULSE_SECRET_KEY", "PULSE_BASE_URL", "PULSE_PASSWORD_COST"))


def test_a_database_that_does_not_answer_is_told_without_its_password(pulse):
    result = pulse("migrate", PULSE_DATABASE_URL="postgresql://pulse:hunter2@127.0.0.1:1/pulse")

    assert result.exit_code == 1
    assert result.output.startswith("Error: The database does not answer: ")
    assert result.output.count("\n") == 1
    assert "hunter2" not in result.output


# --- the schema ------------------------------------------------------------------------------------------------


def set_revision(settings, revision):
    engine = connect(settings.database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


@pytest.mark.parametrize("arguments", [*SERVERS, ["users", "suspend", "alice@example.com"], ["backup", "copy"]], ids=" ".join)
def test_an_unmigrated_database_is_refused(app, settings, tmp_path, arguments):
    with fresh_database(settings, tmp_path, migrated=False) as empty:
        result = run(empty, *arguments)

    assert (result.exit_code, result.output) == (1, "Error: The database has no Pulse tables yet. Run: pulse migrate\n")


@pytest.mark.parametrize("arguments", SERVERS, ids=" ".join)
def test_an_older_schema_is_refused(app, settings, tmp_path, arguments):
    with fresh_database(settings, tmp_path) as older:
        command.downgrade(schema.config(older.database), "0001")

        result = run(older, *arguments)

    assert result.exit_code == 1
    assert result.output == "Error: The database has the schema of an older version of Pulse. Run: pulse migrate\n"


@pytest.mark.parametrize("arguments", [*SERVERS, ["migrate"]], ids=" ".join)
def test_a_newer_schema_is_refused(app, settings, tmp_path, arguments):
    with fresh_database(settings, tmp_path) as newer:
        set_revision(newer, "9999")

        result = run(newer, *arguments)

    assert result.exit_code == 1
    assert result.output.startswith("Error: The database has schema 9999, from a newer version of Pulse.")


def test_migrating_makes_a_database_that_works_and_doing_it_twice_is_harmless(app, settings, tmp_path):
    with fresh_database(settings, tmp_path, migrated=False) as empty:
        first, second = run(empty, "migrate"), run(empty, "migrate")
        made = run(empty, "users", "create", "alice@example.com", "--name", "Alice")

    assert (first.exit_code, second.exit_code, made.exit_code) == (0, 0, 0)
    assert first.output == second.output == f"The database has the newest schema, {schema.needed()}.\n"


def test_the_commands_explain_themselves_without_any_setting(pulse):
    result = pulse("--help", PULSE_PORT="none")

    assert result.exit_code == 0
    for name in ("serve", "web", "checker", "migrate", "users", "plan", "staff", "keys", "backup", "restore"):
        assert f"\n  {name} " in result.output


def test_commands_and_the_checker_do_without_the_web():
    spared = "flask", "werkzeug", "pulse.web", "pulse.api", "alembic"
    code = f"import sys, pulse.cli; print([name for name in {spared} if name in sys.modules])"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"
