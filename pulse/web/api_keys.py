"""Settings, tab API Keys: the list, and a dialog for each act in the life of a key."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_login import login_required

from pulse.abilities import Ability
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models.api_key import ApiKey, Issued
from pulse.models.event import Event
from pulse.models.refusals import Refused
from pulse.web.filters import zone
from pulse.web.forms.api_keys import CreateForm, RotateForm
from pulse.web.visits import actor, membership, team, user

bp = Blueprint("api_keys", __name__, url_prefix="/settings/api-keys")

PAGE, PANEL = "api_keys/index.html", "api_keys/_panel.html"


@bp.get("")
@login_required
def index() -> Response:
    """List the person's keys."""
    return render(PAGE, PANEL, **listed())


@bp.get("/new")
@login_required
def new() -> Response:
    """Show the form for a new key, filled in from the query string."""
    if not may_create():
        return go(url_for(".index"))
    form = CreateForm(formdata=None, name=request.args.get("name"), abilities=request.args.getlist("ability"))
    return dialog("api_keys/_create.html", form=form, abilities=list(Ability))


@bp.post("/new")
@login_required
def create() -> Response:
    """Issue a key, and reveal its token in this one reply."""
    form = CreateForm()
    if not form.validate():
        return dialog("api_keys/_create.html", 422, form=form, abilities=list(Ability))
    try:
        issued = ApiKey.issue(
            db.session,
            membership(),
            name=form.name.data or "",
            abilities=map(Ability, form.abilities.data or ()),
            expires_at=form.expires_at(zone()),
            by=actor(),
        )
    except Refused as refused:
        db.session.rollback()
        form.tell(refused)
        return dialog("api_keys/_create.html", 422, form=form, abilities=list(Ability))
    db.session.commit()
    return reveal(issued)


@bp.get("/<id:key_id>")
@login_required
def show(key_id: int) -> Response:
    """Show a key: its facts, former tokens and history."""
    key = find(key_id)
    former = [token for token in reversed(key.tokens) if token.retired_at is not None]
    history = Event.of_key(db.session, key.id)
    return render("api_keys/show.html", "api_keys/show.html", key=key, former_tokens=former, history=history)


@bp.get("/<id:key_id>/rotate")
@login_required
def confirm_rotate(key_id: int) -> Response:
    """Ask before a token is replaced."""
    return dialog("api_keys/_rotate.html", key=find(key_id))


@bp.post("/<id:key_id>/rotate")
@login_required
def rotate(key_id: int) -> Response:
    """Replace a key's token, and reveal the new one in this one reply."""
    key, form = find(key_id), RotateForm()
    if not form.validate():
        abort(400)
    try:
        issued = key.rotate(db.session, replacing=form.token_id.data or 0, by=actor())
    except Refused as refused:
        db.session.rollback()
        return dialog("api_keys/_rotate.html", 409, key=find(key_id), error=str(refused))
    db.session.commit()
    return reveal(issued)


@bp.get("/<id:key_id>/delete")
@login_required
def confirm_delete(key_id: int) -> Response:
    """Ask before a key is deleted."""
    return dialog("api_keys/_delete.html", key=find(key_id))


@bp.post("/<id:key_id>/delete")
@login_required
def delete(key_id: int) -> Response:
    """Delete a key for good."""
    key = find(key_id)
    name = key.name
    key.revoke(db.session, by=actor())
    db.session.commit()
    flash(f"{name} was deleted. Its token stopped working.")
    return render(PAGE, PANEL, **listed()) if wants_fragment() else go(url_for(".index"))


def find(key_id: int) -> ApiKey:
    """Return the person's own live key, or answer 404."""
    return ApiKey.find(db.session, user().id, key_id) or abort(404)


def may_create() -> bool:
    """Tell whether the plan has room for one more key."""
    plan, place = team().plan, membership()
    return plan.has_api and ApiKey.count(db.session, place.user_id, place.team_id) < plan.limits.api_keys


def listed() -> dict[str, Any]:
    """Return what the panel shows: always the committed state."""
    current, mine = team(), user()
    return {
        "keys": ApiKey.of_user(db.session, mine.id),
        "at_limit": current.plan.has_api and not may_create(),
        "show_team": len(mine.memberships) > 1,
    }


def dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on its page."""
    return render(PAGE, template, status, dialog=template, **listed(), **context)


def reveal(issued: Issued) -> Response:
    """Answer the redrawn list with the new token on top, in the only reply that ever holds it."""
    return render(PAGE, PANEL, dialog="api_keys/_reveal.html", issued=issued, **listed())
