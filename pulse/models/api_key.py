"""API keys and their tokens: issue, rotate, revoke.

A key is the record a person manages; a token is the text a program sends. Rotating retires one token and adds another,
and a retired token stays: the one SELECT that finds a live token also tells what became of a former one.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, func, select, text, update
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from pulse import names, tokens
from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models import key_mail
from pulse.models.event import About, Actor, ActorKind, Event
from pulse.models.key_fields import check_abilities, check_expiry, check_key_name
from pulse.models.refusals import Conflict, Invalid, LimitReached, NameTaken, PlanRequired
from pulse.models.team import Membership, Team
from pulse.models.token import Reason, Token
from pulse.models.user import User

EXPIRES_SOON = timedelta(days=14)
NUMBERED = re.compile(r"(?<=\S) [0-9]{1,4}\Z")
"""What tells a name from others of the same stem."""
DAYS_BEFORE = (30, 7, 1, 0)
"""How many days before a key expires its owner is mailed; each once, and none that lies before the token was issued."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A key and its new token, which exists nowhere else: show it once, after the commit, or lose it."""

    key: "ApiKey"
    token: str = field(repr=False)
    replaced: Token | None = None
    """The token it takes the place of, after a rotation."""


class ApiKey(Base):
    """A key: whose it is, what it may do, until when. It never does more than its owner's role allows."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(
            "uq_api_keys_name",
            "user_id",
            "team_id",
            "name_folded",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
            sqlite_where=text("revoked_at IS NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(index=True)
    ability_names: Mapped[list[str]] = mapped_column("abilities", JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_by: Mapped[str | None]
    """By which door it was revoked: an `ActorKind`."""
    expiry_told: Mapped[int | None]
    """How many days before the expiry the last mail on it was meant for."""
    network_told_at: Mapped[datetime | None]
    """When the owner was last told that it is used from a new network."""
    moves_dismissed_at: Mapped[datetime | None]
    """Until when the owner does not ask any more who has moved to a new token."""

    user: Mapped[User] = relationship()
    team: Mapped[Team] = relationship()
    tokens: Mapped[list[Token]] = relationship(back_populates="key", order_by=Token.id, passive_deletes=True)
    token: Mapped[Token] = relationship(
        primaryjoin=lambda: (ApiKey.id == Token.key_id) & Token.retired_at.is_(None), viewonly=True, uselist=False
    )
    """The live token; a key that is not revoked has exactly one."""

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of_user(cls, session: DbSession, user_id: int) -> list["ApiKey"]:
        """Return a user's live keys in all teams, the newest first, each with its token and team."""
        query = select(cls).where(cls.user_id == user_id, cls.revoked_at.is_(None)).order_by(cls.id.desc())
        return list(session.scalars(query.options(joinedload(cls.token), joinedload(cls.team))))

    @classmethod
    def find(cls, session: DbSession, user_id: int, key_id: int) -> "ApiKey | None":
        """Return a user's live key; another's, and one that is revoked, are not found."""
        query = select(cls).where(cls.id == key_id, cls.user_id == user_id, cls.revoked_at.is_(None))
        return session.scalar(query.options(joinedload(cls.token), joinedload(cls.team)))

    @classmethod
    def names_of(cls, session: DbSession, user_id: int, ids: Iterable[int]) -> dict[int, str]:
        """Return the names of a user's keys by their ids, revoked ones too."""
        mine = select(cls.id, cls.name).where(cls.user_id == user_id, cls.id.in_(set(ids)))
        return {row.id: row.name for row in session.execute(mine)}

    @classmethod
    def twin(cls, session: DbSession, member: Membership, name: str) -> "ApiKey | None":
        """Return the live key of `member` in that team that has this name already."""
        mine = (cls.user_id == member.user_id, cls.team_id == member.team_id, cls.revoked_at.is_(None))
        return session.scalar(select(cls).where(*mine, cls.name_folded == names.fold(name)).options(joinedload(cls.token)))

    @classmethod
    def free_name(cls, session: DbSession, member: Membership, name: str) -> str:
        """Return `name` with the first number from 2 up that no live key of `member` in that team has with it."""
        mine = (cls.user_id == member.user_id, cls.team_id == member.team_id, cls.revoked_at.is_(None))
        taken = set(session.scalars(select(cls.name_folded).where(*mine)))
        stem = NUMBERED.sub("", name)
        numbered = (
            f"{stem[: names.LONGEST - len(tail)].rstrip()}{tail}" for tail in (f" {number}" for number in itertools.count(2))
        )
        return next(each for each in numbered if names.fold(each) not in taken)

    @classmethod
    def count(cls, session: DbSession, user_id: int, team_id: int) -> int:
        """Return how many live keys a user has in a team; an expired one counts."""
        mine = (cls.user_id == user_id, cls.team_id == team_id, cls.revoked_at.is_(None))
        return session.scalar(select(func.count()).where(*mine)) or 0

    # --- the life of a key -------------------------------------------------------------------------------------

    @classmethod
    def issue(
        cls,
        session: DbSession,
        member: Membership,
        *,
        name: str,
        abilities: Iterable[Ability],
        expires_at: datetime | None,
        by: Actor,
    ) -> Issued:
        """Make a key for `member` in that team, and its first token.

        Raises `PlanRequired`, `LimitReached`, `NameTaken` and `Invalid`; the limit holds under parallel creates,
        because those of one member wait for each other.
        """
        now = utcnow()
        chosen = check_abilities(abilities)
        check_expiry(expires_at, now)
        shown = check_key_name(name)
        cls._claim_place(session, member, shown)
        key = cls(user_id=member.user_id, team_id=member.team_id, name=shown, name_folded=names.fold(shown), ability_names=chosen)
        key.created_at = now
        key._expire_at(expires_at, now)
        session.add(key)
        session.flush()
        token = key._add_token(session, now)
        key._note(session, "key.created", by, abilities=chosen, name=shown)
        key_mail.created(session, key, by)
        return Issued(key, token)

    def rotate(self, session: DbSession, *, replacing: int, by: Actor) -> Issued:
        """Retire the token with the id `replacing` and add a new one; the key stays what it was.

        An expiry moves by the span it had. Raises `Conflict` when that token is not the live one any more, so a
        stale page, a second click and a slower rival change nothing; and `PlanRequired`.
        """
        if not self.team.plan.has_api:
            raise PlanRequired(self.team.plan)
        if Membership.locked(session, self.user_id, self.team_id) is None:
            raise Conflict("You are no longer a member of this key's team. The key can only be deleted.")
        now = utcnow()
        self._hold(session)
        if not self._retire(session, Reason.ROTATED, now, Token.id == replacing):
            raise Conflict("This token was already replaced. Reload to see the current one.")
        replaced = session.get_one(Token, replacing, populate_existing=True)
        if (span := self._span(replaced)) is not None:
            self._expire_at(now + span, now)
        token = self._add_token(session, now)
        self._note(session, "key.rotated", by, replaced=replaced.last_eight, name=self.name)
        key_mail.rotated(session, self, by, replaced.last_eight)
        return Issued(self, token, replaced)

    def narrow(self, session: DbSession, kept: Iterable[Ability], *, by: Actor) -> list[str]:
        """Take away the abilities that are not `kept`; return those taken.

        Raises `Invalid` where nothing or something new would be kept: a key is never widened, and never left with none.
        """
        chosen = check_abilities(kept)
        self._hold(session)
        if not set(chosen) < set(self.ability_names):
            raise Invalid("abilities", "Remove at least one permission; none can be added.")
        removed = [name for name in self.ability_names if name not in chosen]
        self.ability_names = chosen
        session.flush()
        self._note(session, "key.narrowed", by, removed=removed, abilities=chosen, name=self.name)
        key_mail.narrowed(session, self, by, removed)
        return removed

    def dismiss_moves(self, session: DbSession) -> None:
        """Stop asking which clients have moved to the new token, until the next rotation."""
        session.execute(update(ApiKey).where(ApiKey.id == self.id).values(moves_dismissed_at=utcnow()))

    def revoke(self, session: DbSession, *, by: Actor, reason: str | None = None) -> None:
        """End the key for good; raises `Conflict` when that has happened already."""
        last_eight = self.end(session, by=by, reason=reason)
        key_mail.ended(session, self, by, last_eight, reason)

    def end(self, session: DbSession, *, by: Actor, reason: str | None = None) -> str | None:
        """Revoke it without a mail, and return its token's last eight characters; raises `Conflict` as `revoke` does."""
        now = utcnow()
        ended = update(ApiKey).where(ApiKey.id == self.id, ApiKey.revoked_at.is_(None))
        if session.execute(ended.values(revoked_at=now, revoked_by=by.kind.value).returning(ApiKey.id)).first() is None:
            raise Conflict("This key was already deleted.")
        own = by.kind in (ActorKind.USER, ActorKind.KEY)
        last_eight = self._retire(session, Reason.DELETED if own else Reason.REVOKED, now)
        about = About(self.user_id, self.team_id, self.id, last_eight, detail={"name": self.name})
        Event.record(session, "key.deleted" if own else "key.revoked", by, about, reason)
        session.expire(self)
        return last_eight

    @classmethod
    def revoke_all(
        cls,
        session: DbSession,
        *,
        by: Actor,
        user_id: int | None = None,
        team_id: int | None = None,
        before: datetime | None = None,
        reason: str | None = None,
    ) -> int:
        """Revoke the live keys of a user, of one team, or whose live token was issued before a time; return how many."""
        query = select(cls).join(Token, (Token.key_id == cls.id) & Token.retired_at.is_(None)).where(cls.revoked_at.is_(None))
        if user_id is not None:
            query = query.where(cls.user_id == user_id)
        if team_id is not None:
            query = query.where(cls.team_id == team_id)
        if before is not None:
            query = query.where(Token.issued_at < before)
        keys = list(session.scalars(query.order_by(cls.id).with_for_update(of=cls)))
        for key in keys:
            key.end(session, by=by, reason=reason)
        for owner in {key.user for key in keys}:
            key_mail.all_ended(session, owner, [key for key in keys if key.user is owner], by, reason)
        return len(keys)

    # --- what it is --------------------------------------------------------------------------------------------

    @property
    def abilities(self) -> list[Ability]:
        """What it may do, in the order of the closed list."""
        return [ability for ability in Ability if ability.value in self.ability_names]

    @property
    def expired(self) -> bool:
        """Whether it has run out; rotating brings it back to life."""
        return self.expires_at is not None and self.expires_at <= utcnow()

    @property
    def expires_soon(self) -> bool:
        """Whether it runs out within 14 days, and has not yet."""
        return self.expires_at is not None and not self.expired and self.expires_at <= utcnow() + EXPIRES_SOON

    def name_taken(self) -> NameTaken:
        """Return the refusal of another key with this one's name."""
        return NameTaken(f"You already have a key with this name: {self.name} (…{self.token.last_eight}). Choose another name.")

    @property
    def rotated_until(self) -> datetime | None:
        """Until when it would work if it were rotated now."""
        span = self._span(self.token)
        return None if span is None else utcnow() + span

    # --- steps -------------------------------------------------------------------------------------------------

    @classmethod
    def _claim_place(cls, session: DbSession, member: Membership, name: str) -> None:
        held = Membership.locked(session, member.user_id, member.team_id)
        if held is None:
            raise Conflict("You are no longer a member of this team.")
        plan = held.team.plan
        if not plan.has_api:
            raise PlanRequired(plan)
        if cls.count(session, held.user_id, held.team_id) >= plan.limits.api_keys:
            most = plan.limits.api_keys
            raise LimitReached(f"The {plan.label} plan includes {most} keys, and you have {most}. Delete one first.", most)
        if twin := cls.twin(session, held, name):
            raise twin.name_taken()

    def _hold(self, session: DbSession) -> None:
        """Take the key's row first, as `revoke` does: so that of the two one sees all that the other did."""
        query = select(ApiKey.id).where(ApiKey.id == self.id, ApiKey.revoked_at.is_(None)).with_for_update()
        if session.execute(query).first() is None:
            raise Conflict("This key was already deleted.")
        session.refresh(self, ["expires_at", "expiry_told", "ability_names"])

    def _span(self, token: Token) -> timedelta | None:
        """Return how long it works from the issue of a token on; a rotation gives it as long again."""
        return None if self.expires_at is None else self.expires_at - token.issued_at

    def _expire_at(self, moment: datetime | None, now: datetime) -> None:
        """Let a token issued now run out at a moment; what is mailed sooner than now counts as told."""
        self.expires_at = moment
        passed = [days for days in DAYS_BEFORE if moment is not None and moment - now <= timedelta(days=days)]
        self.expiry_told = min(passed, default=None)

    def _retire(self, session: DbSession, reason: Reason, now: datetime, *which: Any) -> str | None:
        """End the live token, if it is the one meant; return its last eight characters."""
        query = update(Token).where(Token.key_id == self.id, Token.retired_at.is_(None), *which)
        return session.scalar(query.values(retired_at=now, reason=reason.value).returning(Token.last_eight))

    def _add_token(self, session: DbSession, now: datetime) -> str:
        token = tokens.mint()
        session.add(Token(key_id=self.id, digest=tokens.digest(token), last_eight=tokens.last_eight(token), issued_at=now))
        session.flush()
        session.expire(self, ["token", "tokens"])
        return token

    def _note(self, session: DbSession, action: str, by: Actor, **detail: Any) -> None:
        about = About(self.user_id, self.team_id, self.id, self.token.last_eight, detail=detail)
        Event.record(session, action, by, about)
