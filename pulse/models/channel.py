"""Notification channels: where incidents are told.

An address by which anybody could write into a channel is a secret, as is the key that a webhook is signed with: both are
sealed. What is shown of them tells one from another and no more.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self, TypedDict, cast
from urllib.parse import unquote, urlsplit

from sqlalchemy import ForeignKey, Index, Select, func, select
from sqlalchemy.orm import Mapped, mapped_column

from pulse.addresses import AddressGuard, InvalidUrl, monitorable_url
from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.delivery import Delivery
from pulse.models.email import check_email
from pulse.models.event import About, Actor, Event
from pulse.models.hold import hold
from pulse.models.name import check_name
from pulse.models.refusals import Faults, Invalid, LimitReached, RateLimited, Refused
from pulse.plans import Plan
from pulse.vault import Unreadable, Vault

if TYPE_CHECKING:
    from pulse.models.team import Team

MOST = 50
"""Channels of one team."""
GONE = "This notification channel was already deleted."
OWNER = "owner"
"""The target of an e-mail channel that leads to whoever is the team's Owner."""
TESTS = 5
TESTS_WITHIN = timedelta(minutes=10)
"""How many test notifications a channel takes in which time: nobody may be buried in mail by a button."""
UNSHOWN = "…"
"""What stands for the part of a URL that is never shown."""
KEY = "whsec_"
"""How the key of a webhook's signature begins, so that it is known for one where it turns up."""


class ChannelType(StrEnum):
    """How it is told."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"

    @property
    def label(self) -> str:
        """The name people read."""
        return {"email": "Email", "webhook": "Webhook", "slack": "Slack"}[self.value]


class ChannelFields(TypedDict, total=False):
    """What is to be written of a channel: an absent field keeps what is stored. The type is chosen once."""

    name: str | None
    type: str | None
    target: str | None
    active: bool | None


@dataclass(frozen=True, slots=True)
class Made:
    """A new channel, and the key its webhooks are signed with, which is told this once."""

    channel: "Channel"
    secret: str | None = field(repr=False, default=None)


class Channel(Base):
    """One channel of a team."""

    __tablename__ = "channels"
    __table_args__ = (Index("ix_channels_team_id_id", "team_id", "id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    name: Mapped[str]
    type: Mapped[str]
    shown: Mapped[str]
    """An e-mail channel's address, or `owner`; of a URL no more than its host."""
    target_sealed: Mapped[bytes | None]
    secret_sealed: Mapped[bytes | None]
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_tried_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_error: Mapped[str | None]
    """Why the last try failed; None when it went well."""

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, team_id: int) -> Select[Self]:
        """Return the query for a team's channels, the oldest first."""
        return select(cls).where(cls.team_id == team_id).order_by(cls.id)

    @classmethod
    def find(cls, session: DbSession, team_id: int, channel_id: int) -> "Channel | None":
        """Return a team's channel; another team's is not found."""
        return session.scalar(select(cls).where(cls.id == channel_id, cls.team_id == team_id))

    # --- the life of a channel ---------------------------------------------------------------------------------

    @classmethod
    def default_for(cls, session: DbSession, team_id: int) -> "Channel":
        """Make the one channel that a new team begins with: mail to its Owner."""
        channel = cls(team_id=team_id, name="Owner", type=ChannelType.EMAIL.value, shown=OWNER, active=True, created_at=utcnow())
        session.add(channel)
        session.flush()
        return channel

    @classmethod
    def create(
        cls, session: DbSession, team: "Team", fields: ChannelFields, *, vault: Vault, guard: AddressGuard, by: Actor
    ) -> Made:
        """Make a channel; raises `Faults`, `LimitReached`, and `Refused` where the plan does not include its type."""
        team.hold(session)
        if (session.scalar(select(func.count()).where(cls.team_id == team.id)) or 0) >= MOST:
            raise LimitReached(f"A team can have at most {MOST} notification channels. Delete one first.", MOST)
        kind = fields.get("type") or ""
        if kind not in set(ChannelType):
            unknown = Invalid("type", f"Choose one of {', '.join(ChannelType)}.")
            raise Faults([unknown, *_name_faults(fields), *_target_faults(fields)])
        channel = cls(team_id=team.id, type=kind, created_at=utcnow(), active=True)
        if not channel.is_included(team.plan):
            raise Refused(f"The {team.plan.label} plan includes only Email channels. Webhook and Slack need a larger plan.")
        channel._write(cast("ChannelFields", {"name": None, "target": None} | fields), vault, guard)
        secret = KEY + secrets.token_urlsafe(32) if kind == ChannelType.WEBHOOK.value else None
        channel.secret_sealed = vault.seal(secret) if secret else None
        session.add(channel)
        session.flush()
        channel._note(session, "channel.created", by)
        return Made(channel, secret)

    def change(self, session: DbSession, fields: ChannelFields, *, vault: Vault, guard: AddressGuard, by: Actor) -> None:
        """Write the fields that are given; raises `Faults` and, when it was deleted meanwhile, `Conflict`."""
        hold(session, self, GONE)
        if fields.get("type", self.type) != self.type:
            raise Faults([Invalid("type", "A channel's type cannot be changed. Create another channel.")])
        self._write(fields, vault, guard)
        if session.is_modified(self):
            session.flush()
            self._note(session, "channel.changed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it with all that waits for it."""
        hold(session, self, GONE)
        self._note(session, "channel.deleted", by)
        session.delete(self)
        session.flush()

    def test(self, session: DbSession, team: "Team", by: Actor) -> Delivery:
        """Queue a test notification; raises `Refused` where the plan or its switch silences it, and `RateLimited`."""
        if not self.active:
            raise Refused("This channel is switched off. Switch it on first.")
        if not self.is_included(team.plan):
            raise Refused(f"The {team.plan.label} plan does not include {self.kind.label} channels: this one is silent.")
        lately = (Delivery.channel_id == self.id, Delivery.event == "test", Delivery.created_at > utcnow() - TESTS_WITHIN)
        if (session.scalar(select(func.count()).where(*lately)) or 0) >= TESTS:
            raise RateLimited("Too many test notifications. Wait 10 minutes, then try again.", int(TESTS_WITHIN.total_seconds()))
        self._note(session, "channel.tested", by)
        return Delivery.test(session, self.id, team)

    # --- what it is --------------------------------------------------------------------------------------------

    @property
    def kind(self) -> ChannelType:
        """Its type."""
        return ChannelType(self.type)

    @property
    def target(self) -> str:
        """What is shown of where it leads."""
        return self.shown

    def is_included(self, plan: Plan) -> bool:
        """Tell whether a team on `plan` has such channels; else it is silent."""
        return self.kind is ChannelType.EMAIL or plan.limits.webhook_channels

    # --- steps -------------------------------------------------------------------------------------------------

    def _write(self, fields: ChannelFields, vault: Vault, guard: AddressGuard) -> None:
        faults = _name_faults(fields) if "name" in fields else []
        if "target" in fields:
            try:
                self._lead_to((fields["target"] or "").strip(), vault, guard)
            except (InvalidUrl, Invalid) as error:
                faults.append(Invalid("target", str(error)))
        if faults:
            raise Faults(faults)
        if "name" in fields:
            self.name = check_name(fields["name"] or "")
        if (active := fields.get("active")) is not None:
            self.active = active

    def _lead_to(self, target: str, vault: Vault, guard: AddressGuard) -> None:
        if self.kind is ChannelType.EMAIL:
            self.shown = OWNER if target.lower() == OWNER else check_email(target)
            return
        if UNSHOWN in unquote(target):
            # It was read here and is written back: that keeps what is stored, where it is the same.
            if unquote(target) != self.shown:
                raise Invalid("target", f"Enter the whole URL: {UNSHOWN} stands for a part that is never shown.")
            return
        url = monitorable_url(target, guard)
        if self.target_sealed is None or _opened(vault, self.target_sealed) != url:
            parts = urlsplit(url)
            self.shown, self.target_sealed = f"{parts.scheme}://{parts.netloc}/{UNSHOWN}", vault.seal(url)

    def _note(self, session: DbSession, action: str, by: Actor) -> None:
        about = About(by.user_id, self.team_id, detail={"channel": self.id, "name": self.name, "type": self.type})
        Event.record(session, action, by, about)
        session.flush()


def _name_faults(fields: ChannelFields) -> list[Invalid]:
    try:
        check_name(fields.get("name") or "")
    except Invalid as fault:
        return [fault]
    return []


def _target_faults(fields: ChannelFields) -> list[Invalid]:
    """Return what can be said of a target whose type is not known."""
    return [] if (fields.get("target") or "").strip() else [Invalid("target", "Enter an email address or a URL.")]


def _opened(vault: Vault, sealed: bytes) -> str | None:
    try:
        return vault.open(sealed)
    except Unreadable:
        return None
