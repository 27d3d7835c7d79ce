"""A key's own page: who uses it, for what, what was refused, what it can do without; and its narrowing."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_login import login_required

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models import key_report
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.key_report import Span
from pulse.models.key_use import KEPT
from pulse.models.refusals import Refused
from pulse.problems import MEANINGS
from pulse.web.api_keys import dialog, find
from pulse.web.filters import zone
from pulse.web.forms.api_keys import NarrowForm
from pulse.web.visits import actor, is_signed_in

bp = Blueprint("key", __name__, url_prefix="/settings/api-keys/<id:key_id>")

PAGE = "api_keys/show.html"


@bp.get("")
@login_required
def show(key_id: int) -> Response:
    """Show a key: its facts, use, former tokens and history."""
    return page(find(key_id))


@bp.get("/narrow")
@login_required
def confirm_narrow(key_id: int) -> Response:
    """Ask which permissions to keep; those that were not used are not ticked."""
    key = find(key_id)
    known = learned(key)
    kept = [each.value for each in key.abilities if known["spare"] is None or each not in known["spare"].abilities]
    return dialog("api_keys/_narrow.html", key=key, form=NarrowForm(formdata=None, abilities=kept), **known)


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
            return page(find(key_id)) if wants_fragment() else go(url_for(".show", key_id=key_id))
    key = find(key_id)
    return dialog("api_keys/_narrow.html", 422, key=key, form=form, **learned(key) | {"spare": None})


@bp.post("/moves")
@login_required
def dismiss_moves(key_id: int) -> Response:
    """Stop showing who has moved to the new token."""
    find(key_id).dismiss_moves(db.session)
    db.session.commit()
    return page(find(key_id)) if wants_fragment() else go(url_for(".show", key_id=key_id))


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
    client = key_report.arrived(db.session, key.token.id)
    if client is None:
        return Response(status=204)
    return render("api_keys/_arrival.html", "api_keys/_arrival.html", key=key, client=client, meanings=MEANINGS)


def page(key: ApiKey) -> Response:
    """Answer the page of a key."""
    asked = request.args.get("span")
    span = Span(asked) if asked in set(Span) else Span.DAY
    return render(
        PAGE,
        "api_keys/_key.html",
        key=key,
        span=span,
        spans=list(Span),
        activity=key_report.activity(db.session, key, span, zone()),
        clients=key_report.clients(db.session, key),
        knocking=key_report.knocking(db.session, key),
        move=key_report.moves(db.session, [key]).get(key.id),
        former_tokens=[token for token in reversed(key.tokens) if token.retired_at is not None],
        history=Event.of_key(db.session, key.id),
        meanings=MEANINGS,
        **learned(key),
    )


def learned(key: ApiKey) -> dict[str, Any]:
    """Return what its use has taught of a key: which permissions it used, which it can do without, and since when, in words."""
    used, first = key_report.uses_by_ability(db.session, key), key_report.first_used(db.session, key)
    reach = "in 30 days" if first is not None and first <= utcnow() - KEPT else "since its first use" if first else "yet"
    return {"used": used, "spare": key_report.spare(key, used, first), "reach": reach}
