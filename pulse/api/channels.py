"""Notification channels over the API: list, create, read, change, delete, and a test notification."""

from typing import Annotated, Any, cast

from flask import Blueprint
from sqlalchemy import select

from pulse.abilities import Ability
from pulse.addresses.urls import LONGEST_URL
from pulse.api.auth import caller, team
from pulse.api.operations import Reply, created, operation
from pulse.api.pages import PageQuery, fetched_one, newest_first
from pulse.api.schemas import In, Moment, Out, Page, Switch, Text, defaulted, documented, one_of
from pulse.extensions import db, services
from pulse.models.channel import Channel, ChannelFields, ChannelType
from pulse.models.delivery import Delivery, Notice
from pulse.names import LONGEST
from pulse.problems import found

bp = Blueprint("api_channels", __name__)
COLUMNS = (
    Channel.id,
    Channel.name,
    Channel.type,
    Channel.shown.label("target"),
    Channel.active,
    Channel.created_at,
    Channel.last_tried_at,
    Channel.last_error,
)


class ChannelIn(In):
    """A channel to create. The target is an email address or `owner` for an email channel, otherwise the URL to post to."""

    model_config = defaulted({"active": True})
    name: Annotated[Text, documented(minLength=1, maxLength=LONGEST)]
    type: Annotated[Text, documented(enum=[*ChannelType])]
    target: Annotated[Text, documented(maxLength=LONGEST_URL)]
    active: Switch | None = None


class ChannelChange(In):
    """Changes to a channel. Absent fields keep their values; the type cannot be changed."""

    name: Annotated[Text | None, documented(minLength=1, maxLength=LONGEST)] = None
    target: Annotated[Text | None, documented("As it is shown, it is kept.", maxLength=LONGEST_URL)] = None
    active: Switch | None = None


class ChannelOut(Out):
    """Where notifications are sent. Only the host of a URL is shown; `last_error` is null if the last attempt succeeded."""

    id: int
    name: str
    type: ChannelType
    target: str
    active: bool
    created_at: Moment
    last_tried_at: Moment | None
    last_error: str | None


class ChannelMade(ChannelOut):
    """A new channel. For a webhook, `secret` is the key its notifications are signed with, which is shown only this once."""

    secret: str | None


class NoticeOut(Out):
    """A notification on its way."""

    id: int
    channel_id: int
    event: Annotated[str, one_of(Notice)]
    created_at: Moment


@operation(bp, "GET", "/channels", ability=Ability.ALERTS_READ, query=PageQuery, reply=Page[ChannelOut])
def index(query: PageQuery) -> Reply:
    """List the team's notification channels, newest first."""
    listed = select(*COLUMNS).where(Channel.team_id == caller().team_id)
    return newest_first(listed, query, Channel.id)


@operation(
    bp,
    "POST",
    "/channels",
    ability=Ability.ALERTS_WRITE,
    body=ChannelIn,
    reply=ChannelMade,
    status=201,
    problems=("limit_reached",),
    headers=("Location",),
)
def create(body: ChannelIn) -> Reply:
    """Create a notification channel."""
    fields = cast("ChannelFields", body.model_dump(exclude_unset=True))
    vault, guard = services().vault, services().guard
    made = Channel.create(db.session, team(), fields, vault=vault, guard=guard, by=caller().actor())
    told = {**ChannelOut.model_validate(made.channel).model_dump(), "secret": made.secret}
    return created(told, f"/channels/{made.channel.id}")


@operation(bp, "GET", "/channels/<id:channel_id>", ability=Ability.ALERTS_READ, reply=ChannelOut)
def show(channel_id: int) -> Any:
    """Read a notification channel."""
    return fetched_one(select(*COLUMNS).where(Channel.id == channel_id, Channel.team_id == caller().team_id))


@operation(
    bp,
    "PATCH",
    "/channels/<id:channel_id>",
    ability=Ability.ALERTS_WRITE,
    body=ChannelChange,
    reply=ChannelOut,
)
def change(channel_id: int, body: ChannelChange) -> ChannelOut:
    """Change a notification channel; fields that are left out keep their values."""
    channel = find(channel_id)
    fields = cast("ChannelFields", body.model_dump(exclude_unset=True))
    channel.change(db.session, fields, vault=services().vault, guard=services().guard, by=caller().actor())
    return ChannelOut.model_validate(channel)


@operation(bp, "DELETE", "/channels/<id:channel_id>", ability=Ability.ALERTS_WRITE)
def delete(channel_id: int) -> None:
    """Delete a notification channel and all notifications waiting for it."""
    find(channel_id).delete(db.session, caller().actor())


@operation(
    bp,
    "POST",
    "/channels/<id:channel_id>/test",
    ability=Ability.ALERTS_WRITE,
    reply=NoticeOut,
    status=202,
)
def test(channel_id: int) -> Delivery:
    """Send a test notification; read the channel afterwards to see whether it arrived."""
    return find(channel_id).test(db.session, team(), caller().actor())


def find(channel_id: int) -> Channel:
    """Return the team's channel, or answer 404."""
    return found(Channel.find(db.session, caller().team_id, channel_id))
