"""The tab Notification Channels of the Alerts page: where incidents are told."""

from typing import Any

from flask import Blueprint, Response, flash, url_for
from flask_login import login_required

from pulse.extensions import db, services
from pulse.htmx import go, render, wants_fragment
from pulse.models.alert_rule import AlertRule
from pulse.models.channel import GONE, Channel, Made
from pulse.models.refusals import Refused
from pulse.web import elsewhere, refusal, visits
from pulse.web.forms.alerts import ChannelForm
from pulse.web.overtaken import hold_as_seen
from pulse.web.visits import actor, team
from pulse.web.writers import writers_form, writers_only

bp = Blueprint("channels", __name__, url_prefix="/alerts/channels")

PAGE, PANEL = "alerts/channels.html", "alerts/_channels.html"
FORM, MADE = "alerts/channel_form.html", "alerts/channel_made.html"
DELETE = "alerts/_delete_channel.html"


@bp.get("")
@login_required
def index() -> Response:
    """List the team's notification channels."""
    return panel()


@bp.get("/live")
@login_required
def live() -> Response:
    """Answer the part of the list that changes by itself, to a page that asks for it every few seconds."""
    if not wants_fragment():
        return go(url_for(".index"))
    return render(PAGE, "alerts/_channel_list.html", channels=channels())


@bp.get("/new")
@writers_only
def new() -> Response:
    """Show the form for a new channel."""
    return form_page(ChannelForm(formdata=None))


@bp.post("/new")
@writers_form
def create() -> Response:
    """**Create Channel**; a webhook's signing key is shown in this one reply."""
    form = ChannelForm()
    if not form.validate():
        return form_page(form, status=422)
    vault, guard = services().vault, services().guard
    try:
        made = Channel.create(db.session, team(), form.fields(), vault=vault, guard=guard, by=actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, status=status))
    db.session.commit()
    if made.secret is None:
        flash(f"{made.channel.name} was created. Send a test notification to see it work.")
        return go(url_for(".index"))
    return shown_once(made)


@bp.get("/<id:channel_id>/edit")
@writers_only
def edit(channel_id: int) -> Response:
    """Show the form for a change; of a URL it holds nothing."""
    channel = find(channel_id)
    return form_page(ChannelForm.of(channel), channel)


@bp.post("/<id:channel_id>/edit")
@writers_form
def save(channel_id: int) -> Response:
    """**Save**."""
    channel = find(channel_id)
    form = ChannelForm(data={"type": channel.type})
    form.type.data = channel.type
    if not form.validate():
        return form_page(form, channel, 422)
    vault, guard = services().vault, services().guard
    try:
        hold_as_seen(form, channel, GONE, lambda: ChannelForm.of(channel))
        channel.change(db.session, form.changes(channel), vault=vault, guard=guard, by=actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, find(channel_id), status))
    db.session.commit()
    flash(f"{channel.name} was saved.")
    return go(url_for(".index"))


@bp.post("/<id:channel_id>/test")
@writers_only
def test(channel_id: int) -> Response:
    """**Send Test Notification**; what came of it is shown in the list."""
    channel = find(channel_id)
    channel.test(db.session, team(), actor())
    db.session.commit()
    visits.only_read()
    flash(f"A test notification is on its way to {channel.name}. The list will show whether it arrives.")
    return panel() if wants_fragment() else go(url_for(".index"))


@bp.get("/<id:channel_id>/delete")
@writers_only
def confirm_delete(channel_id: int) -> Response:
    """Ask before a channel is deleted."""
    channel = find(channel_id)
    silenced = AlertRule.silenced_without(db.session, channel, team().plan)
    beneath = {} if wants_fragment() else listed()
    return render(PAGE, DELETE, dialog=DELETE, channel=channel, silenced=silenced, **beneath)


@bp.post("/<id:channel_id>/delete")
@writers_only
def delete(channel_id: int) -> Response:
    """**Delete Channel**, with all that waits for it."""
    channel = find(channel_id)
    name = channel.name
    channel.delete(db.session, actor())
    db.session.commit()
    visits.only_read()
    flash(f"{name} was deleted. No more notifications are sent to it.")
    return panel() if wants_fragment() else go(url_for(".index"))


def find(channel_id: int) -> Channel:
    """Return the team's channel, or answer that it is another team's or nobody's."""
    return elsewhere.found("channel", lambda team_id: Channel.find(db.session, team_id, channel_id))


def panel() -> Response:
    """Answer the list."""
    return render(PAGE, PANEL, **listed())


def listed() -> dict[str, Any]:
    """Return what the panel shows."""
    return {"channels": channels()}


def channels() -> list[Channel]:
    """Return the team's channels."""
    return list(db.session.scalars(Channel.of(team().id)))


def form_page(form: ChannelForm, channel: Channel | None = None, status: int = 200) -> Response:
    """Answer the page with the form."""
    return render(FORM, FORM, status, form=form, channel=channel)


def shown_once(made: Made) -> Response:
    """Answer the page with a webhook's signing key, which no cache may keep."""
    return render(MADE, MADE, channel=made.channel, secret=made.secret)
