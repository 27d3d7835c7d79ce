"""A key's own page: who uses it, for what, what was refused, what it can do without; and its narrowing."""

from flask import Blueprint, Response, flash, request, url_for
from flask_login import login_required

from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import key_clients
from pulse.models.refusals import Refused
from pulse.problems import MEANINGS
from pulse.web import key_page
from pulse.web.api_keys import find
from pulse.web.forms.api_keys import NarrowForm
from pulse.web.visits import actor, is_signed_in

bp = Blueprint("key", __name__, url_prefix="/settings/api-keys/<id:key_id>")

NARROW = "api_keys/_narrow.html"


@bp.get("")
@login_required
def show(key_id: int) -> Response:
    """Show a key: its facts, use, former tokens and history."""
    return key_page.page(find(key_id))


@bp.get("/narrow")
@login_required
def confirm_narrow(key_id: int) -> Response:
    """Ask which permissions to keep; those that were not used are not ticked."""
    key = find(key_id)
    spare = key_page.learned(key)["spare"]
    kept = [each.value for each in key.abilities if spare is None or each not in spare.abilities]
    return key_page.dialog(NARROW, key, form=NarrowForm(formdata=None, abilities=kept))


@bp.post("/narrow")
@login_required
def narrow(key_id: int) -> Response:
    """Take permissions from a key."""
    key, form = find(key_id), NarrowForm()
    if form.validate():
        try:
            removed = key.narrow(db.session, form.kept(), by=actor())
        except Refused as refused:
            db.session.rollback()
            form.tell(refused)
        else:
            db.session.commit()
            flash(f"Removed from {find(key_id).name}: {', '.join(removed)}.")
            return key_page.done(find(key_id))
    return key_page.dialog(NARROW, find(key_id), 422, form=form, spare=None)


@bp.post("/moves")
@login_required
def dismiss_moves(key_id: int) -> Response:
    """Stop showing who has moved to the new token."""
    find(key_id).dismiss_moves(db.session)
    db.session.commit()
    return key_page.done(find(key_id))


@bp.get("/arrival")
def arrival(key_id: int) -> Response:
    """Tell the dialog that shows a token whether it has been used; nothing while it has not.

    Whose session has ended is not led to Sign In: that would take away a token that may not have been copied yet.
    """
    if not is_signed_in():
        return Response(status=204)
    key = find(key_id)
    if key.token.id != request.args.get("token_id", type=int):
        return Response(status=204)
    if not wants_fragment():
        return go(url_for(".show", key_id=key_id))
    client = key_clients.arrived(db.session, key.token.id)
    if client is None:
        return Response(status=204)
    return render("api_keys/_arrival.html", "api_keys/_arrival.html", key=key, client=client, meanings=MEANINGS)
