"""Commands about people, their plans and their keys. Each is in the audit trail as the operator's act."""

import secrets
import sys
from datetime import UTC, datetime

import click

from pulse import passwords
from pulse.cli.base import find_user, load_settings, transaction
from pulse.models.api_key import ApiKey
from pulse.models.email import check_email
from pulse.models.event import OPERATOR
from pulse.models.name import check_name
from pulse.models.refusals import Invalid
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.plans import Plan

PLANS = click.Choice([plan.value for plan in Plan])


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; UTC where it names no zone."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, aware."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            # A zone may put a time of the first or the last day beyond all years.
            self.fail("Write a time such as 2026-01-31T09:00:00Z.", param, ctx)


@click.group()
def users() -> None:
    """Create, suspend and restore accounts."""


@users.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--plan", type=PLANS, help="The plan of the person's team; by default PULSE_SIGNUP_PLAN.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
def create(email: str, name: str, plan: str | None, *, password_stdin: bool) -> None:
    """Create a user with a team; prints a random password if none is given."""
    settings = load_settings()
    chosen = Plan(plan) if plan else settings.signup_plan
    # Hashing takes a quarter second: refuse first what can be refused.
    check_email(email)
    check_name(name)
    password = _given_password() if password_stdin else secrets.token_urlsafe(15)
    password_hash = passwords.Passwords(settings.password_cost).hash(password)
    with transaction(settings) as session:
        user = User.sign_up(session, name=name, email=email, password_hash=password_hash, plan=chosen, by=OPERATOR)
        address = user.email
    click.echo(f"Created the account {address} with a team on {chosen.label}.")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")


@users.command()
@click.argument("email")
def suspend(email: str) -> None:
    """Suspend an account: its sessions end and its keys stop working."""
    with transaction(load_settings()) as session:
        user = find_user(session, email)
        user.suspend(session, OPERATOR)
        BrowserSession.end_all(session, user.id)
    click.echo(f"{email} is suspended.")


@users.command()
@click.argument("email")
def restore(email: str) -> None:
    """Let a suspended account and its keys work again."""
    with transaction(load_settings()) as session:
        find_user(session, email).restore(session, OPERATOR)
    click.echo(f"{email} is active.")


@click.command()
@click.argument("email")
@click.argument("plan", type=PLANS)
def plan(email: str, plan: str) -> None:
    """Change the plan of the teams that EMAIL owns to PLAN."""
    chosen = Plan(plan)
    with transaction(load_settings()) as session:
        user = find_user(session, email)
        owned = [each.team for each in user.memberships if each.role.owns]
        if not owned:
            raise click.ClickException(f"{email} owns no team.")
        for team in owned:
            team.change_plan(session, chosen, OPERATOR)
    click.echo(f"The team of {email} is on {chosen.label}.")


@click.group()
def staff() -> None:
    """Manage who is support staff."""


@staff.command()
@click.argument("email")
def grant(email: str) -> None:
    """Make an account support staff."""
    with transaction(load_settings()) as session:
        find_user(session, email).grant_staff(session, OPERATOR)
    click.echo(f"{email} is support staff.")


@staff.command("revoke")
@click.argument("email")
def revoke_staff(email: str) -> None:
    """Remove an account from support staff."""
    with transaction(load_settings()) as session:
        find_user(session, email).revoke_staff(session, OPERATOR)
    click.echo(f"{email} is no longer support staff.")


@click.group()
def keys() -> None:
    """Manage API keys."""


@keys.command("revoke")
@click.option("--user", "email", metavar="EMAIL", help="The keys of this account.")
@click.option("--before", type=Moment(), metavar="TIME", help="Keys whose live token was issued before TIME (ISO 8601, UTC).")
def revoke_keys(email: str | None, before: datetime | None) -> None:
    """Revoke API keys for good: all keys of one account, or all whose token is older than a given time."""
    if (email is None) == (before is None):
        raise click.UsageError("Use either --user EMAIL or --before TIME.")
    with transaction(load_settings()) as session:
        user_id = find_user(session, email).id if email is not None else None
        revoked = ApiKey.revoke_all(session, by=OPERATOR, user_id=user_id, before=before)
    click.echo("Revoked 1 key." if revoked == 1 else f"Revoked {revoked} keys.")


def _given_password() -> str:
    """Read the password from standard input, where no list of processes shows it; raises `Invalid`."""
    try:
        password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Invalid("password", "The password must be in UTF-8.") from error
    if wrong := passwords.fault(password):
        raise Invalid("password", wrong)
    return password


COMMANDS = (users, plan, staff, keys)
