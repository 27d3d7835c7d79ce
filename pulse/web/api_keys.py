"""Settings, tab API Keys: the list, and a dialog for each act in the life of a key."""

from itertools import count
from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_login import login_required

from pulse import names
from pulse.abilities import Ability
from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import key_report
from pulse.models.api_key import ApiKey, Issued
from pulse.models.refusals import Refused
from pulse.web.filters import zone
from pulse.web.forms.api_keys import CreateForm, DeleteForm, RotateForm
from pulse.web.visits import actor, membership, still_at, team, teams, user

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
    name = request.args.get("name")
    taken = twin(name)
    form = CreateForm(formdata=None, name=free_name(taken.name) if taken else name, abilities=request.args.getlist("ability"))
    return create_dialog(form, twin=taken)


@bp.post("/new")
@login_required
def create() -> Response:
    """Issue a key, and reveal its token in this one reply."""
    form = CreateForm()
    if not form.validate():
        return create_dialog(form, 422)
    try:
        still_at(form.team_id.data or str(team().id))
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
        return create_dialog(form, 422)
    db.session.commit()
    return reveal(issued)


@bp.get("/<id:key_id>/rotate")
@login_required
def confirm_rotate(key_id: int) -> Response:
    """Ask before a token is replaced."""
    return ask("rotate", key_id)


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
        return ask("rotate", key_id, 409, error=str(refused))
    db.session.commit()
    return reveal(issued)


@bp.get("/<id:key_id>/delete")
@login_required
def confirm_delete(key_id: int) -> Response:
    """Ask before a key is deleted."""
    return ask("delete", key_id, form=DeleteForm(formdata=None))


@bp.post("/<id:key_id>/delete")
@login_required
def delete(key_id: int) -> Response:
    """Delete a key for good; one that was used in the last day only by whoever types its name."""
    key, form = find(key_id), DeleteForm()
    name = key.name
    if key_report.lately(db.session, key).requests and names.fold((form.name.data or "").strip()) != key.name_folded:
        form.name.errors = [f"This key is in use. Type its name, {name}, to delete it."]
        return ask("delete", key_id, 422, form=form)
    key.revoke(db.session, by=actor())
    db.session.commit()
    flash(f"{name} was deleted. Its token stopped working.")
    return render(PAGE, PANEL, **listed()) if wants_fragment() else go(url_for(".index"))


def ask(act: str, key_id: int, status: int = 200, **context: Any) -> Response:
    """Answer the dialog that asks before `act`, with what it would break."""
    key = find(key_id)
    lately = key_report.lately(db.session, key)
    return dialog(f"api_keys/_{act}.html", status, key=key, lately=lately, now=utcnow(), **context)


def find(key_id: int) -> ApiKey:
    """Return the person's own live key, or answer 404."""
    return ApiKey.find(db.session, user().id, key_id) or abort(404)


def twin(name: str | None) -> ApiKey | None:
    """Return the live key that has a suggested name already, so that it is said before the form is sent."""
    try:
        return ApiKey.twin(db.session, membership(), names.clean(name or ""))
    except names.InvalidName:
        return None


def free_name(name: str) -> str:
    """Return a name like one that is taken, with the first number that is free."""
    return next(each for number in count(2) if twin(each := f"{name[: names.LONGEST - 5]} {number}") is None)


def create_dialog(form: CreateForm, status: int = 200, **context: Any) -> Response:
    """Answer the dialog for a new key."""
    return dialog("api_keys/_create.html", status, form=form, abilities=list(Ability), **context)


def may_create() -> bool:
    """Tell whether the plan has room for one more key."""
    plan, place = team().plan, membership()
    return plan.has_api and ApiKey.count(db.session, place.user_id, place.team_id) < plan.limits.api_keys


def listed() -> dict[str, Any]:
    """Return what the panel shows: always the committed state."""
    current, mine = team(), user()
    keys = ApiKey.of_user(db.session, mine.id)
    return {
        "keys": keys,
        "moves": key_report.moves(db.session, keys),
        "refused": key_report.refused_lately(db.session, keys),
        "at_limit": current.plan.has_api and not may_create(),
        "show_team": any(each is not current for each in (*teams(), *(key.team for key in keys))),
    }


def dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on its page."""
    return render(PAGE, template, status, dialog=template, **listed(), **context)


def reveal(issued: Issued) -> Response:
    """Answer the redrawn list with the new token on top, in the only reply that ever holds it."""
    return render(PAGE, PANEL, dialog="api_keys/_reveal.html", issued=issued, **listed())
