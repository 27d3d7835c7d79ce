"""The request hook: who a request comes from, and whether it may do what it asks.

Every request under `/api/v1` passes here before its view, unrouted paths included. The order of the decision is part
of the contract: header, checksum, token found, token state, account and membership, plan, rate limit, ability, role.
Nothing it learns is kept: one query per request decides, so that a token is dead the moment its retirement is committed.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import request
from sqlalchemy import bindparam, select

from pulse import tokens
from pulse.abilities import Ability
from pulse.api import limits
from pulse.clock import iso, utcnow
from pulse.extensions import db
from pulse.json_columns import json_column
from pulse.models.api_key import ApiKey
from pulse.models.event import Actor, ActorKind
from pulse.models.refusals import Conflict
from pulse.models.team import Membership, Team, in_force, older_members
from pulse.models.token import Token
from pulse.models.user import User
from pulse.plans import API_PLANS, Plan
from pulse.problems import NEVER_WIDENED, Problem
from pulse.request_ids import Kind
from pulse.roles import Role
from pulse.tracing import NamedToken, Trace, request_id, trace

BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([0-9A-Za-z_]{1,100})\Z", re.ASCII)
CHALLENGE = 'Bearer realm="pulse"'
PLANS: dict[str, Plan] = {plan.value: plan for plan in Plan}
ROLES: dict[str, Role] = {role.value: role for role in Role}


class Caller(NamedTuple):
    """Who a request comes from, once identified: the key, its owner, and the team it reaches."""

    token_id: int
    last_used_at: str | None
    """Formatted for replies already, as is `created_at`: neither decides anything."""
    expires_at: datetime | None
    plan: Plan
    role: Role
    key_id: int
    key_name: str
    last_eight: str
    abilities: Sequence[str]
    """In the order of the closed list."""
    created_at: str
    user_id: int
    user_name: str
    user_email: str
    team_id: int
    team_name: str

    def actor(self) -> Actor:
        """Return the caller as the one who acts, for the audit trail."""
        return Actor(
            ActorKind.KEY, self.user_id, self.key_id, request.remote_addr, request.headers.get("User-Agent"), request_id()
        )


STATE = (
    Token.id.label("token_id"),
    json_column(Token.last_used_at),
    Token.retired_at,
    Token.reason,
    ApiKey.expires_at,
    User.suspended_at,
    Team.plan_name,
    Membership.role_name,
    older_members(),
)
"""What decides, in the order in which `identify` takes it apart."""
FACTS = (
    ApiKey.id.label("key_id"),
    ApiKey.name.label("key_name"),
    Token.last_eight,
    json_column(ApiKey.ability_names),
    json_column(ApiKey.created_at),
    User.id.label("user_id"),
    User.name.label("user_name"),
    User.email.label("user_email"),
    Team.id.label("team_id"),
    Team.name.label("team_name"),
)
"""What is known besides, in the order of `Caller`."""
FIND = (
    select(*STATE, *FACTS)
    .join(ApiKey, ApiKey.id == Token.key_id)
    .join(User, User.id == ApiKey.user_id)
    .join(Team, Team.id == ApiKey.team_id)
    .outerjoin(Membership, (Membership.user_id == ApiKey.user_id) & (Membership.team_id == ApiKey.team_id))
    .where(Token.digest == bindparam("digest"))
)
"""All that the decision needs, for live and former tokens alike."""


def identify(traced: Trace) -> Caller:
    """Return who calls, having gone through the decision up to the rate limit; raises `Problem`."""
    row = traced.services.reader.question(FIND).first(digest=tokens.digest(_token(traced)))
    if row is None:
        raise _stranger(traced, "token_unknown")
    token_id, last_used_at, retired_at, reason, expires_at, suspended_at, plan_name, role_name, older, *facts = row
    traced.token = NamedToken(token_id, last_used_at is not None, retired_at is None)
    traced.asked_by(Kind.TOKEN, token_id)
    if retired_at is not None:
        raise _unauthorized("token_rotated" if reason == "rotated" else "token_deleted", at=iso(retired_at))
    if expires_at is not None and expires_at <= utcnow():
        raise _unauthorized("token_expired", at=iso(expires_at))
    if suspended_at is not None:
        raise Problem("account_suspended")
    if role_name is None:
        raise Problem("membership_ended")
    plan = PLANS[plan_name]
    if plan not in API_PLANS:
        raise Problem("plan_required", plan=plan.value, plans=[each.value for each in API_PLANS])
    role = in_force(ROLES[role_name], older, plan)
    caller = traced.caller = Caller(token_id, last_used_at, expires_at, plan, role, *facts)
    limits.count(traced, caller.key_id, caller.user_id, caller.team_id, plan)
    return caller


def authorize(caller: Caller, ability: Ability | None) -> None:
    """Refuse a caller whose key or whose owner's role does not allow `ability`; `None` is for any key."""
    if ability is None:
        return
    if ability not in caller.abilities:
        scope = f'{CHALLENGE}, error="insufficient_scope", scope="{ability.value}"'
        detail = f"This key lacks the permission {ability.value}. {NEVER_WIDENED}"
        held = [each.value for each in Ability if each.value in caller.abilities]
        raise Problem("ability_required", detail, {"WWW-Authenticate": scope}, required=ability.value, held=held)
    if not caller.role.allows(ability):
        raise _role_required(caller.role, ability)


def _role_required(role: Role, ability: Ability) -> Problem:
    """Return the refusal of a role, which names those that would do and whom to ask for one."""
    first, *others = [each.label for each in Role if each.allows(ability)]
    able = f"{', '.join(others)} or {first}" if others else first
    detail = f"The key's owner is {role.label}, but {ability.value} needs {able}. The team's Owner or an Admin can change that."
    return Problem("role_required", detail, required=ability.value, role=role.value)


def caller() -> Caller:
    """Return who this request comes from; only views behind the hook may ask."""
    found: Caller = trace().caller
    return found


def team() -> Team:
    """Return the caller's team; raises `Conflict` when it was deleted since the request was let in."""
    found = db.session.get(Team, caller().team_id)
    if found is None:
        raise Conflict("This team was deleted.")
    return found


def _token(traced: Trace) -> str:
    """Return the well-formed token a request carries; decided without a query."""
    # A WSGI server joins repeated headers by commas, which no well-formed one contains.
    header: str | None = traced.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        raise _stranger(traced, "token_missing", CHALLENGE)
    match = BEARER.match(header)
    if match is None or not tokens.is_well_formed(match[1]):
        raise _stranger(traced, "token_malformed")
    return match[1]


def _stranger(traced: Trace, code: str, challenge: str | None = None) -> Problem:
    """Return the refusal of a request that names no key; an address that sends too many is told to wait instead."""
    limits.count_stranger(traced)
    return _unauthorized(code, challenge)


def _unauthorized(code: str, challenge: str | None = None, **members: Any) -> Problem:
    challenge = challenge or f'{CHALLENGE}, error="invalid_token"'
    return Problem(code, headers={"WWW-Authenticate": challenge}, **members)
