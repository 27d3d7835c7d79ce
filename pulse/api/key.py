"""The calling key itself: describe it, rotate it, delete it."""

from typing import Annotated, Any

from flask import Blueprint, request

from pulse.abilities import Ability
from pulse.api import repeats
from pulse.api.auth import Caller, caller
from pulse.api.operations import operation
from pulse.api.schemas import JsonReady, Moment, Out, one_of
from pulse.clock import iso
from pulse.extensions import db
from pulse.models.api_key import ApiKey
from pulse.models.refusals import Conflict
from pulse.plans import Plan
from pulse.problems import fault, validation_failed
from pulse.roles import Role

bp = Blueprint("api_key", __name__)


class NamedOut(Out):
    """Something by its id and name."""

    id: int
    name: str


class TeamOut(NamedOut):
    """The team a key reaches."""

    plan: Annotated[str, one_of(Plan)]


class OwnerOut(NamedOut):
    """The person a key belongs to."""

    email: str
    role: Annotated[str, one_of(Role)]


class RateLimitOut(Out):
    """How many requests a key may send."""

    requests_per_minute: int


class KeyOut(Out):
    """A key, as it describes itself."""

    id: int
    name: str
    last_eight: str
    abilities: list[Annotated[str, one_of(Ability)]]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    team: TeamOut
    owner: OwnerOut
    plan: Annotated[str, one_of(Plan)]
    rate_limit: RateLimitOut


class RotatedOut(KeyOut):
    """A key with its new token, which appears in no other reply."""

    token: str


@operation(bp, "GET", "/key", ability=None, reply=KeyOut)
def show() -> JsonReady:
    """Describe the calling key."""
    return described(caller())


@operation(bp, "POST", "/key/rotate", ability=Ability.KEY_ROTATE, reply=RotatedOut, repeatable=False)
def rotate() -> dict[str, Any]:
    """Replace the calling key's token; the old one has stopped working by the time the reply is sent."""
    if repeats.HEADER in request.headers:
        raise validation_failed(fault(repeats.HEADER, "Leave this header out: a token is in one reply only, so none is kept."))
    calling = caller()
    key = _found(calling)
    issued = key.rotate(db.session, replacing=calling.token_id, by=calling.actor())
    fresh = {"last_eight": key.token.last_eight, "expires_at": key.expires_at, "last_used_at": None, "token": issued.token}
    return described(calling) | fresh


@operation(bp, "DELETE", "/key", ability=None)
def delete() -> None:
    """Delete the calling key for good; useful to whoever finds a token and does not know its owner."""
    calling = caller()
    _found(calling).revoke(db.session, by=calling.actor())


def _found(calling: Caller) -> ApiKey:
    key = ApiKey.find(db.session, calling.user_id, calling.key_id)
    if key is None:
        raise Conflict("This key was already deleted.")
    return key


def described(calling: Caller) -> JsonReady:
    """Return the calling key's facts; the decision's one query brought them all."""
    plan = calling.plan
    return JsonReady(
        id=calling.key_id,
        name=calling.key_name,
        last_eight=calling.last_eight,
        abilities=calling.abilities,
        created_at=calling.created_at,
        expires_at=calling.expires_at and iso(calling.expires_at),
        last_used_at=calling.last_used_at,
        team={"id": calling.team_id, "name": calling.team_name, "plan": plan},
        owner={"id": calling.user_id, "name": calling.user_name, "email": calling.user_email, "role": calling.role},
        plan=plan,
        rate_limit={"requests_per_minute": plan.limits.requests_per_minute},
    )
