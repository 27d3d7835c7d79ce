"""Signing up, in and out.

No transaction is open while bcrypt works: what it needs is read before, and what is written follows in a second one.
"""

from flask import Blueprint, Response, request, url_for

from pulse.extensions import db, services
from pulse.htmx import go
from pulse.logs import log
from pulse.models.refusals import RateLimited, Refused
from pulse.models.user import User
from pulse.tracing import request_id
from pulse.web import attempts, destinations, known, visits
from pulse.web.forms.auth import SignInForm, SignUpForm
from pulse.web.gate import page, refuse

bp = Blueprint("auth", __name__)

WRONG = "Wrong email or password."
SUSPENDED = "This account is suspended. Contact support."


@bp.get("/")
def home() -> Response:
    """Lead to Monitors, or to Sign In."""
    return go(url_for("monitors.index") if visits.is_signed_in() else url_for(".sign_in"))


@bp.get("/sign-up")
def sign_up() -> Response:
    """Show the form for a new account."""
    return go(destination()) if visits.is_signed_in() else page("sign_up", SignUpForm(formdata=None))


@bp.post("/sign-up")
def create_account() -> Response:
    """Make an account and its team, and sign in."""
    form = SignUpForm()
    if not form.validate():
        return page("sign_up", form, 422)
    try:
        attempts.count_sign_up()
        password_hash = services().passwords.hash(form.password.data or "")
        user = _new_user(form, password_hash)
    except Refused as refused:
        return refuse("sign_up", form, refused)
    visits.sign_in(user)
    known.remember(user.id)
    log.info("signed_up", request_id=request_id(), user=user.id)
    db.session.commit()
    return go(destination())


def _new_user(form: SignUpForm, password_hash: str) -> User:
    return User.sign_up(
        db.session,
        name=form.name.data or "",
        email=form.email.data or "",
        password_hash=password_hash,
        plan=services().settings.signup_plan,
        by=visits.actor(),
    )


@bp.get("/sign-in")
def sign_in() -> Response:
    """Show the form; whoever is signed in goes on."""
    return go(destination()) if visits.is_signed_in() else page("sign_in", SignInForm(formdata=None))


@bp.post("/sign-in")
def begin_session() -> Response:
    """Sign in. Until the password is right, the answer and its time are the same whether or not there is an account."""
    form = SignInForm()
    if not form.validate():
        return page("sign_in", form, 422)
    email, password = form.email.data or "", form.password.data or ""
    user_id, password_hash = _account(email)
    subjects = attempts.sign_in_subjects(email, user_id)
    try:
        attempts.count_sign_in(subjects)
    except RateLimited as refused:
        return refuse("sign_in", form, refused)
    right = services().passwords.matches(password, password_hash)
    user = _still(user_id, password_hash) if right else None
    if user is None:
        log.info("sign_in_refused", request_id=request_id(), address=request.remote_addr)
        return refuse("sign_in", form, Refused(WRONG))
    attempts.take_back_sign_in(subjects)
    return _let_in(user, form)


def _account(email: str) -> tuple[int | None, str | None]:
    """Return an account's id and password hash, and keep nothing open."""
    visits.only_read()
    user = User.by_email(db.session, email)
    found = (user.id, user.password_hash) if user else (None, None)
    db.session.rollback()
    return found


def _still(user_id: int | None, password_hash: str | None) -> User | None:
    """Return the account if it is there and its password the one that was checked, held."""
    user = User.held(db.session, user_id or 0)
    return user if user and user.password_hash == password_hash else None


def _let_in(user: User, form: SignInForm) -> Response:
    if not user.is_active:
        db.session.commit()
        return refuse("sign_in", form, Refused(SUSPENDED))
    visits.sign_in(user)
    known.remember(user.id)
    log.info("signed_in", request_id=request_id(), user=user.id)
    db.session.commit()
    return go(destination())


@bp.post("/sign-out")
def sign_out() -> Response:
    """End the session, for every copy of its cookie."""
    visits.sign_out()
    db.session.commit()
    return farewell()


def farewell() -> Response:
    """Lead to Sign In, and let nothing of the visit stay in the browser.

    Only `storage`: `cache` holds Chrome up for seconds, and our pages are `no-store` and so in no cache; `cookies` would
    take those of every other service under the same domain.
    """
    response = go(url_for("auth.sign_in"))
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def destination() -> str:
    """Return where somebody wanted to go before they were asked to sign in: a path of our own, else Monitors."""
    return destinations.local(request.args.get("next"))
