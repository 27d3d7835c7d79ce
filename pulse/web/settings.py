"""Settings, tab Profile: who one is, the password, the sessions, and the end of the account."""

from flask import Blueprint, Response, abort, flash, g, session, url_for
from flask_login import login_required

from pulse import account_mail
from pulse.extensions import db, services
from pulse.htmx import go
from pulse.logs import log
from pulse.models.api_key import ApiKey
from pulse.models.email import check_email
from pulse.models.invitation import Invitation
from pulse.models.mailed_link import MailedLink, Purpose
from pulse.models.outbox import Message
from pulse.models.refusals import Invalid, Refused
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.tracing import request_id
from pulse.web import attempts, known, visits
from pulse.web.auth import farewell
from pulse.web.forms.settings import ChangePasswordForm, DeleteAccountForm, ProfileForm
from pulse.web.profile import dialog, done, panel
from pulse.web.proofs import hold, prove
from pulse.web.refusal import refuse

bp = Blueprint("settings", __name__, url_prefix="/settings")

DELETE, REVOKE = "settings/_delete_account.html", "settings/_revoke_keys.html"


@bp.get("")
@login_required
def index() -> Response:
    """Lead to the first tab."""
    return go(url_for(".profile"))


# --- who one is ------------------------------------------------------------------------------------------------


@bp.get("/profile")
@login_required
def profile() -> Response:
    """Show the tab."""
    return panel()


@bp.post("/profile")
@login_required
def save_profile() -> Response:
    """Save name, timezone and theme; a new address is first asked to confirm itself."""
    form = ProfileForm()
    if not form.validate():
        return panel(422, profile_form=form)
    try:
        wanted = check_email(form.email.data or "")
        if wanted != visits.user().email:
            return _save_and_ask(form, wanted)
        _save(form, visits.user())
    except Refused as refused:
        return refuse(form, refused, lambda status: panel(status, profile_form=form))
    db.session.commit()
    flash("Your changes were saved.")
    return done()


def _save(form: ProfileForm, user: User) -> None:
    user.change_profile(name=form.name.data or "", timezone=form.timezone.data, theme=form.theme.data)


def _save_and_ask(form: ProfileForm, wanted: str) -> Response:
    """Save the rest, and mail a link to the new address; whether it has an account already is told to that address alone."""
    if not form.password.data:
        raise Invalid("password", "Enter your password to change the address.")
    proof = prove(form.password.data, "password")
    attempts.count_mail(wanted)
    user = hold(proof)
    _save(form, user)
    token = MailedLink.issue(db.session, user, Purpose.VERIFY_EMAIL, wanted)
    if User.by_email(db.session, wanted) in (None, user):
        account_mail.queue_link("verify_email", wanted, "links.verify_email", token)
    else:
        account_mail.queue("email_taken", wanted)
    account_mail.queue("email_asked", user.email, email=wanted)
    db.session.commit()
    flash(f"A link is on its way to {wanted}. Until you open it and confirm, keep signing in with your current address.")
    return done()


# --- the password ----------------------------------------------------------------------------------------------


@bp.get("/profile/password")
@login_required
def change_password() -> Response:
    """Show the tab, where the form is."""
    return panel()


@bp.post("/profile/password")
@login_required
def password() -> Response:
    """Set a new password: every other session ends, this one goes on under a new id, keys are left alone."""
    form = ChangePasswordForm()
    if not form.validate():
        return panel(422, password_form=form)
    try:
        proof = prove(form.current_password.data or "", "current_password")
        password_hash = services().passwords.hash(form.new_password.data or "")
        user = hold(proof)
    except Refused as refused:
        return refuse(form, refused, lambda status: panel(status, password_form=form))
    user.change_password(db.session, password_hash, visits.actor(user))
    MailedLink.cancel(db.session, user.id)
    BrowserSession.end_all(db.session, user.id)
    account_mail.queue("password_changed", user.email)
    visits.sign_in(user)
    db.session.commit()
    flash("Your password was changed, and every other session ended. Your API keys were left alone: they keep working.")
    # The whole page anew: what else stands on it carries the old session's proof.
    return go(url_for(".profile"))


@bp.get("/profile/revoke-keys")
@login_required
def confirm_revoke_keys() -> Response:
    """Ask before all keys end."""
    return dialog(REVOKE)


@bp.post("/profile/revoke-keys")
@login_required
def revoke_keys() -> Response:
    """Revoke every key of the person, in all teams."""
    ended = ApiKey.revoke_all(db.session, by=visits.actor(), user_id=visits.user().id)
    db.session.commit()
    flash("1 API key was revoked." if ended == 1 else f"{ended} API keys were revoked.")
    return done()


# --- sessions --------------------------------------------------------------------------------------------------


@bp.post("/profile/sessions/<id:session_id>/end")
@login_required
def end_session(session_id: int) -> Response:
    """End one of the person's sessions."""
    if not BrowserSession.end_one(db.session, visits.user().id, session_id):
        abort(404)
    db.session.commit()
    if session_id == g.browser_session_id:
        session.clear()
        return farewell()
    flash("That session was ended.")
    return done()


# --- the end of the account ------------------------------------------------------------------------------------


@bp.get("/profile/delete-account")
@login_required
def confirm_delete_account() -> Response:
    """Ask for the password before the account goes."""
    return dialog(DELETE, form=DeleteAccountForm(formdata=None))


@bp.post("/profile/delete-account")
@login_required
def delete_account() -> Response:
    """Delete the account and all that is the person's, at once."""
    form = DeleteAccountForm()
    if not form.validate():
        return dialog(DELETE, 422, form=form)
    try:
        user = hold(prove(form.password.data or "", "password"))
    except Refused as refused:
        return refuse(form, refused, lambda status: dialog(DELETE, status, form=form))
    _remove(user)
    db.session.commit()
    flash("Your account was deleted.")
    return farewell()


def _remove(user: User) -> None:
    email = user.email
    log.info("account_deleted", request_id=request_id(), user=user.id)
    Message.forget(db.session, email)
    Invitation.forget(db.session, email)
    user.delete(db.session)
    account_mail.queue("account_deleted", email)
    visits.sign_out()
    known.forget()
