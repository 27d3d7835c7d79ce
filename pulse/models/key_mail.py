"""What is mailed to a key's owner: short plain text, so that nothing happens to a key behind its owner's back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pulse.clock import utcnow
from pulse.models.event import Actor, ActorKind
from pulse.models.outbox import Message
from pulse.tokens import hidden

if TYPE_CHECKING:
    from pulse.db import DbSession
    from pulse.models.api_key import ApiKey
    from pulse.models.key_use import KeyClient
    from pulse.models.user import User

WHERE = "Your keys are listed under Settings, API Keys."
NOT_YOU = f"If you did not expect this, delete the key and change your password. {WHERE}"
DOORS = {
    ActorKind.USER: "in the browser",
    ActorKind.KEY: "through the API, with an API key",
    ActorKind.STAFF: "by support staff",
    ActorKind.OPERATOR: "by the operator of this service",
    ActorKind.SYSTEM: "by the service itself",
}


def created(session: "DbSession", key: "ApiKey", by: Actor) -> None:
    """Tell that a key was made."""
    ends = f"Expires: {_moment(key.expires_at)}" if key.expires_at else "Expires: never"
    facts = [*_facts(key, by), f"Permissions: {', '.join(key.ability_names)}", ends]
    _queue(session, key, f"API key created: {key.name}", "An API key was created.", "\n".join(facts), NOT_YOU)


def rotated(session: "DbSession", key: "ApiKey", by: Actor, replaced: str) -> None:
    """Tell that a key has a new token, and that the old one is dead."""
    said = f"The API key has a new token. The old one, …{replaced}, stopped working at once."
    _queue(session, key, f"API key rotated: {key.name}", said, "\n".join(_facts(key, by)), NOT_YOU)


def narrowed(session: "DbSession", key: "ApiKey", by: Actor, removed: Sequence[str]) -> None:
    """Tell that a key may do less than before."""
    facts = [*_facts(key, by), f"Removed: {', '.join(removed)}", f"Remaining: {', '.join(key.ability_names)}"]
    _queue(session, key, f"API key narrowed: {key.name}", "Permissions were removed from an API key.", "\n".join(facts), NOT_YOU)


def ended(session: "DbSession", key: "ApiKey", by: Actor, last_eight: str | None, reason: str | None) -> None:
    """Tell that a key is gone for good."""
    facts = _facts(key, by, last_eight)
    if reason:
        facts.append(f"Reason: {reason}")
    said = "An API key was deleted. Its token stopped working at once, and it cannot be brought back."
    _queue(
        session,
        key,
        f"API key deleted: {key.name}",
        said,
        "\n".join(facts),
        f"If you did not expect this, check your other keys. {WHERE}",
    )


def all_ended(session: "DbSession", owner: "User", keys: Sequence["ApiKey"], by: Actor, reason: str | None) -> None:
    """Tell in one mail that several keys are gone for good."""
    said = f"{len(keys)} API keys were deleted {DOORS[by.kind]}. Their tokens stopped working at once."
    listed = "\n".join(f"- {key.name}" for key in keys)
    because = f"\nReason: {reason}\n" if reason else ""
    Message.queue(session, owner.email, f"{len(keys)} API keys deleted", f"{said}\n\n{listed}\n{because}\n{WHERE}\n")


def expiring(session: "DbSession", key: "ApiKey", left: timedelta, used: str) -> None:
    """Tell that a key runs out soon, or has just now; `used` says how much hangs on it."""
    facts = [f"Name: {key.name}", f"Token: …{key.token.last_eight}", f"Expires: {_moment(key.expires_at)}", f"Use: {used}"]
    when = f"expires {_in(left)}" if left > timedelta(0) else "has expired"
    then = "After that, its requests are refused." if left > timedelta(0) else "Its requests are now refused."
    more = f"Rotate it to extend it by the same length of time; its name and permissions stay the same. {WHERE}"
    _queue(session, key, f"API key {when}: {key.name}", f"An API key {when}. {then}", "\n".join(facts), more)


def _in(left: timedelta) -> str:
    """Say how long something is off: in hours on the last day, else in days, rounded up."""
    unit, name = (timedelta(days=1), "day") if left > timedelta(days=1) else (timedelta(hours=1), "hour")
    count = -(-left // unit)
    return f"in {count} {name}" + ("s" if count != 1 else "")


def used_from_new_network(session: "DbSession", key: "ApiKey", client: "KeyClient") -> None:
    """Tell that somebody used a key from where nobody had before."""
    facts = [
        f"Name: {key.name}",
        f"Token: …{key.token.last_eight}",
        f"When: {_moment(client.first_seen_at)}",
        f"From: {client.address}",
        f"Client: {client.user_agent or 'unnamed'}",
        f"Request: {client.last_operation or 'an address that does not exist'}, answered {client.last_status}",
    ]
    more = f"If none of your programs run there, rotate the key now: the old token stops working at once. {WHERE}"
    _queue(
        session,
        key,
        f"API key used from a new network: {key.name}",
        "An API key was used from a new network.",
        "\n".join(facts),
        more,
    )


def _facts(key: "ApiKey", by: Actor, last_eight: str | None = None) -> list[str]:
    facts = [f"Name: {key.name}", f"Token: …{last_eight or key.token.last_eight}", f"When: {_moment(utcnow())}"]
    facts.append(f"How: {DOORS[by.kind]}")
    if by.address and by.kind in (ActorKind.USER, ActorKind.KEY):
        facts.append(f"From: {by.address}")
        facts.append(f"Client: {hidden(by.user_agent or 'unnamed')[:200]}")
    return facts


def _queue(session: "DbSession", key: "ApiKey", subject: str, *parts: str) -> None:
    Message.queue(session, key.user.email, subject, "\n\n".join(parts) + "\n")


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
