"""What links in mails open: a new password for a forgotten one, and a new address.

Opening a link changes nothing, for mail scanners open links too; its page has a button that does.
"""

from flask import Blueprint, Response, flash, url_for

from pulse import account_mail
from pulse.extensions import db, services
from pulse.htmx import go
from pulse.models.mailed_link import MailedLink, Purpose
from pulse.models.refusals import RateLimited
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.web import attempts, known, visits
from pulse.web.forms.auth import ForgotPasswordForm, NewPasswordForm
from pulse.web.gate import page, refuse

bp = Blueprint("links", __name__)

ON_ITS_WAY = "If that address has an account, a link is on its way. It works once, for 60 minutes."
GONE = 410


@bp.get("/forgot-password")
def forgot_password() -> Response:
    """Show the form that asks for a link."""
    return page("forgot_password", ForgotPasswordForm(formdata=None))


@bp.post("/forgot-password")
def send_reset_link() -> Response:
    """Mail a link to the account's own address, if there is one; the answer is the same."""
    form = ForgotPasswordForm()
    if not form.validate():
        return page("forgot_password", form, 422)
    try:
        attempts.count_mail(form.email.data or "")
    except RateLimited as refused:
        return refuse("forgot_password", form, refused)
    _send(form.email.data or "")
    db.session.commit()
    flash(ON_ITS_WAY)
    return go(url_for(".forgot_password"))


def _send(email: str) -> None:
    user = User.by_email(db.session, email)
    if user is not None:
        token = MailedLink.issue(db.session, user, Purpose.RESET_PASSWORD, user.email)
        account_mail.queue_link("reset_password", user.email, "links.reset_password", token)
        return
    # As much is written, and undone, so that the time of the answer does not tell who has an account.
    message = account_mail.queue_link("reset_password", email, "links.reset_password", "none")
    db.session.flush()
    db.session.delete(message)


@bp.get("/reset-password/<secret:token>")
def reset_password(token: str) -> Response:
    """Show the form for a new password."""
    visits.only_read()
    if MailedLink.find(db.session, token, Purpose.RESET_PASSWORD) is None:
        return _ended(Purpose.RESET_PASSWORD)
    return page("reset_password", NewPasswordForm(formdata=None))


@bp.post("/reset-password/<secret:token>")
def set_password(token: str) -> Response:
    """Set a new password by a link, which is used up; every session ends."""
    visits.only_read()
    if MailedLink.find(db.session, token, Purpose.RESET_PASSWORD) is None:
        return _ended(Purpose.RESET_PASSWORD)
    form = NewPasswordForm()
    if not form.validate():
        return page("reset_password", form, 422)
    db.session.rollback()
    password_hash = services().passwords.hash(form.new_password.data or "")
    link = _use(token, Purpose.RESET_PASSWORD)
    if link is None:
        return _ended(Purpose.RESET_PASSWORD)
    _renew(link.user, password_hash)
    db.session.commit()
    flash("Your new password is set. Sign in with it.")
    return go(url_for("auth.sign_in"))


def _renew(user: User, password_hash: str) -> None:
    user.change_password(db.session, password_hash, visits.actor(user))
    MailedLink.cancel(db.session, user.id)
    BrowserSession.end_all(db.session, user.id)
    account_mail.queue("password_changed", user.email)
    # Whoever kept guessing the old password must not keep its owner out with the new one.
    attempts.forget_account(user.email)
    known.remember(user.id)
    visits.sign_out()


@bp.get("/verify-email/<secret:token>")
def verify_email(token: str) -> Response:
    """Ask before a new address becomes the login."""
    visits.only_read()
    link = MailedLink.find(db.session, token, Purpose.VERIFY_EMAIL)
    return page("verify_email", email=link.email) if link else _ended(Purpose.VERIFY_EMAIL)


@bp.post("/verify-email/<secret:token>")
def confirm_email(token: str) -> Response:
    """Make a new address the login; the old one is told."""
    link = _use(token, Purpose.VERIFY_EMAIL)
    if link is None:
        return _ended(Purpose.VERIFY_EMAIL)
    user, before, now = link.user, link.user.email, link.email
    user.change_email(db.session, now, visits.actor(user))
    MailedLink.cancel(db.session, user.id)
    account_mail.queue("email_changed", before, email=now)
    db.session.commit()
    flash(f"Your address is now {now}. Sign in with it from now on.")
    return go(url_for("settings.profile") if visits.is_signed_in() else url_for("auth.sign_in"))


def _ended(purpose: Purpose) -> Response:
    """Say that a link has ended, and lead to where another of its purpose is sent from."""
    return page("link_ended", status=GONE, purpose=purpose)


def _use(token: str, purpose: Purpose) -> MailedLink | None:
    """Use a link up and return it, its account held; `None` when it has ended. Of several at once one gets it."""
    link = MailedLink.find(db.session, token, purpose)
    user = User.held(db.session, link.user_id) if link else None
    return link if link and user and link.use(db.session) else None
