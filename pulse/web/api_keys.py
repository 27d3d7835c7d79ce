"""Settings, tab API Keys: the list, and a dialog for each act in the life of a key."""

from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_login import login_required

from pulse import names
from pulse.abilities import Ability
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import key_clients, key_report
from pulse.models.api_key import ApiKey
from pulse.models.refusals import Refused
from pulse.web import key_page
from pulse.web.forms.api_keys import CreateForm, DeleteForm, RotateForm
from pulse.web.visits import actor, membership, still_at, team, teams, user

bp = Blueprint("api_keys", __name__, url_prefix="/settings/api-keys")

PAGE, PANEL = "api_keys/index.html", "api_keys/_panel.html"
CREATE = "api_keys/_create.html"
REVEAL = "api_keys/_reveal.html"
"""With the new token, in the only reply that ever holds it."""


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
    if taken := twin(form.name.data):
        form.name.data = ApiKey.free_name(db.session, membership(), taken.name)
    return dialog(CREATE, form=form, abilities=list(Ability), twin=taken)


@bp.post("/new")
@login_required
def create() -> Response:
    """Issue a key, and reveal its token in this one reply."""
    form = CreateForm()
    valid = form.validate()
    try:
        still_at(form.team_id.data or str(team().id))
        if not valid:
            return refuse(form)
        issued = ApiKey.issue(
            db.session,
            membership(),
            name=form.name.data or "",
            abilities=map(Ability, form.abilities.data or ()),
            expires_at=form.expires_at(),
            by=actor(),
        )
    except Refused as refused:
        db.session.rollback()
        form.tell(refused)
        return dialog(CREATE, 422, form=form, abilities=list(Ability))
    db.session.commit()
    return render(PAGE, PANEL, dialog=REVEAL, issued=issued, home=url_for(".index"), **listed())


def refuse(form: CreateForm) -> Response:
    """Answer the form with all its faults, that its name is taken among them."""
    if not form.name.errors and (taken := twin(form.name.data)):
        form.tell(taken.name_taken())
    return dialog(CREATE, 422, form=form, abilities=list(Ability))


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
    if began_at_key():
        return render(key_page.PAGE, key_page.PANEL, dialog=REVEAL, issued=issued, home=home(key_id), **key_page.shown(key))
    return render(PAGE, PANEL, dialog=REVEAL, issued=issued, home=home(key_id), **listed())


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
    if key_clients.lately(db.session, key).requests and names.fold((form.name.data or "").strip()) != key.name_folded:
        form.name.errors = [f"This key is in use. Type its name, {name}, to delete it."]
        return ask("delete", key_id, 422, form=form)
    key.revoke(db.session, by=actor())
    db.session.commit()
    flash(f"{name} was deleted. Its token stopped working.")
    return render(PAGE, PANEL, **listed()) if wants_fragment() else go(url_for(".index"))


def ask(act: str, key_id: int, status: int = 200, **context: Any) -> Response:
    """Answer the dialog that asks before `act`, with what it would break, over the page where that began."""
    key, template = find(key_id), f"api_keys/_{act}.html"
    context |= {"act": act, "lately": key_clients.lately(db.session, key), "home": home(key_id), "begun": begun()}
    return key_page.dialog(template, key, status, **context) if began_at_key() else dialog(template, status, key=key, **context)


def began_at_key() -> bool:
    """Tell whether an act began on the key's own page, and so leads back there."""
    return request.args.get("from") == "key"


def begun() -> dict[str, str]:
    """Return what an address has to say for the act to lead back there."""
    return {"from": "key"} if began_at_key() else {}


def home(key_id: int) -> str:
    """Return where an act began: the key's own page, or the list."""
    return url_for("key.show", key_id=key_id) if began_at_key() else url_for(".index")


def find(key_id: int) -> ApiKey:
    """Return the person's own live key, or answer 404."""
    return ApiKey.find(db.session, user().id, key_id) or abort(404)


def twin(name: str | None) -> ApiKey | None:
    """Return the live key that has a suggested name already, so that it is said before the form is sent."""
    try:
        return ApiKey.twin(db.session, membership(), names.clean(name or ""))
    except names.InvalidName:
        return None


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
        "moves": key_clients.moves(db.session, keys),
        "refused": key_report.refused_lately(db.session, keys),
        "at_limit": current.plan.has_api and not may_create(),
        "show_team": any(each is not current for each in (*teams(), *(key.team for key in keys))),
    }


def dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on its page."""
    return render(PAGE, template, status, dialog=template, **listed(), **context)
