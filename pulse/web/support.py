"""Support's hidden pages: find an account, see its keys and trail, and act on them with a reason.

To everyone but signed-in staff the whole path is unknown: one hook answers 404 for it and for every unrouted path alike,
before anything about method, form or route could tell the two apart.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, Response, abort, flash, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from pulse.clock import utcnow
from pulse.extensions import csrf, db, services
from pulse.models import key_report
from pulse.models.api_key import ApiKey
from pulse.models.event import About, Actor, ActorKind, Event
from pulse.models.lookup import acting_keys, find_accounts
from pulse.models.refusals import Refused
from pulse.models.session import BrowserSession
from pulse.models.team import Team
from pulse.models.user import User
from pulse.plans import Plan
from pulse.web import visits
from pulse.web.forms.support import ConfirmForm, FindForm, PlanForm, ReasonForm
from pulse.web.proofs import hold, prove
from pulse.web.refusal import refuse

bp = Blueprint("support", __name__)
CARRIED = ("reason", "plan")
"""What an act is sent with; it outlives the question for the password."""


def init_app(app: Flask) -> None:
    """Put the pages where the settings say; `web.enter` asks `hide` about every request first."""
    app.register_blueprint(bp, url_prefix=app.extensions["pulse"].settings.support_path)


def hide() -> AnyResponse | None:
    """Answer 404 to all but staff; ask staff for their password unless they typed it lately."""
    path, hidden = request.path, services().settings.support_path
    if path != hidden and not path.startswith(f"{hidden}/"):
        if request.endpoint is None:
            visits.is_signed_in()  # so that an unknown path takes as long as the hidden one
        return None
    # As it was read with the session: reading it anew here would let everybody else wait for writers, and so be told.
    if not visits.is_signed_in() or not g.is_staff:
        abort(404)
    current = visits.browser_session()
    if current is not None and current.is_fresh:
        return None
    return confirm()


def confirm() -> AnyResponse | None:
    """Ask for the password; once it is right go on to the page that was asked for, or with the act and its reason."""
    form = ConfirmForm()
    if request.method != "POST" or not form.password.data:
        return _ask(form)
    csrf.protect()
    try:
        proof = prove(form.password.data, "password")
        hold(proof)
    except Refused as refused:
        return refuse(form, refused, lambda status: _ask(form, status))
    current = visits.browser_session()
    if current is not None:
        current.authenticated_at = utcnow()
    db.session.commit()
    # A page's own address takes no POST, but for that of the search box, which is shown empty.
    return redirect(request.path, 303) if request.endpoint in (None, "support.find") else None


def _ask(form: ConfirmForm, status: int = 200) -> Response:
    """Show the form, with what the act that is waiting for it was sent with."""
    waiting = {name: request.form[name] for name in CARRIED if name in request.form}
    return make_response(render_template("support/confirm.html", form=form, waiting=waiting), status)


@bp.get("")
def index() -> str:
    """Show the search box."""
    return render_template("support/index.html", form=FindForm(formdata=None), found=None)


@bp.post("")
def find() -> AnyResponse | str:
    """Find accounts. Posted, because what is sought may be a token."""
    form = FindForm()
    if not form.validate() or not (form.sought.data or "").strip():
        return render_template("support/index.html", form=form, found=None)
    found = find_accounts(db.session, form.sought.data or "", services().request_ids)
    about = About(detail={"found": [each.user.id for each in found]})
    Event.record(db.session, "support.searched", staff(), about)
    db.session.commit()
    form.sought.data = ""
    return render_template("support/index.html", form=form, found=found)


@bp.get("/accounts/<id:user_id>")
def account(user_id: int) -> str:
    """Show an account: its teams, keys, sessions and trail. Looking is noted."""
    # Noted in a transaction of its own: a page's begins as a reader, and could not become a writer.
    db.session.rollback()
    user = _find(user_id)
    Event.record(db.session, "support.viewed", staff(), About(user_id=user.id))
    db.session.commit()
    return _account_page(user)


@bp.post("/accounts/<id:user_id>/keys/<id:key_id>/revoke")
def revoke_key(user_id: int, key_id: int) -> AnyResponse | tuple[str, int]:
    """**Revoke Key**."""
    key = ApiKey.find(db.session, _find(user_id).id, key_id) or abort(404)
    return _act(
        user_id, ReasonForm(), f"{key.name} was revoked.", lambda reason: key.revoke(db.session, by=staff(), reason=reason)
    )


@bp.post("/accounts/<id:user_id>/sessions/end")
def end_sessions(user_id: int) -> AnyResponse | tuple[str, int]:
    """**End Sessions**."""

    def act(reason: str) -> None:
        ended = BrowserSession.end_all(db.session, user_id)
        Event.record(db.session, "sessions.ended", staff(), About(user_id=user_id, detail={"sessions": ended}), reason)

    return _act(user_id, ReasonForm(), "All sessions were ended.", act)


@bp.post("/accounts/<id:user_id>/teams/<id:team_id>/plan")
def change_plan(user_id: int, team_id: int) -> AnyResponse | tuple[str, int]:
    """**Change Plan** of a team the user owns."""
    team = _owned_team(_find(user_id), team_id)
    form = PlanForm()

    def act(reason: str) -> None:
        team.change_plan(db.session, Plan(form.plan.data), staff(), reason)

    return _act(user_id, form, f"The plan of {team.name} was changed.", act)


@bp.post("/accounts/<id:user_id>/suspend")
def suspend(user_id: int) -> AnyResponse | tuple[str, int]:
    """**Suspend**: the account and its keys stop working; nothing is lost."""

    def act(reason: str) -> None:
        _find(user_id).suspend(db.session, staff(), reason)
        BrowserSession.end_all(db.session, user_id)

    return _act(user_id, ReasonForm(), "The account was suspended.", act)


@bp.post("/accounts/<id:user_id>/restore")
def restore(user_id: int) -> AnyResponse | tuple[str, int]:
    """**Restore** a suspended account."""

    def act(reason: str) -> None:
        _find(user_id).restore(db.session, staff(), reason)

    return _act(user_id, ReasonForm(), "The account was restored.", act)


def _act(user_id: int, form: ReasonForm, done: str, act: Callable[[str], None]) -> AnyResponse | tuple[str, int]:
    """Do what a form asks, with its reason; refuse it on the account's page when there is none."""
    user = _find(user_id)
    if not form.validate():
        return _account_page(user, form), 422
    try:
        act(form.reason.data or "")
    except Refused as refused:
        db.session.rollback()
        form.tell(refused)
        return _account_page(_find(user_id), form), 409
    db.session.commit()
    flash(done)
    return redirect(url_for(".account", user_id=user_id), 303)


def _account_page(user: User, refused: ReasonForm | None = None) -> str:
    keys, events = ApiKey.of_user(db.session, user.id), Event.of_user(db.session, user.id)
    return render_template(
        "support/account.html",
        account=user,
        keys=keys,
        requests=key_report.requests_lately(db.session, keys),
        sessions=BrowserSession.of_user(db.session, user.id),
        events=events,
        acting=acting_keys(db.session, events),
        plans=list(Plan),
        refused=refused,
    )


def _find(user_id: int) -> User:
    return db.session.get(User, user_id) or abort(404)


def _owned_team(user: User, team_id: int) -> Team:
    owned = (each.team for each in user.memberships if each.team_id == team_id and each.role.owns)
    return next(owned, None) or abort(404)


def staff() -> Actor:
    """Return the one who acts, as staff."""
    return visits.actor(kind=ActorKind.STAFF)
