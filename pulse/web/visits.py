"""A browser's visit: who it is, in which team, and how it begins and ends."""

from typing import cast

from flask import Request, abort, g, make_response, request, session
from flask_login import current_user
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import ObjectDeletedError

from pulse.clock import utcnow
from pulse.db import READ_ONLY
from pulse.extensions import db, login_manager, services
from pulse.logs import kind_of, log
from pulse.models.event import Actor, ActorKind
from pulse.models.mailed_link import MailedLink, Purpose
from pulse.models.refusals import Conflict
from pulse.models.session import BrowserSession
from pulse.models.team import Membership, Team
from pulse.models.user import User
from pulse.request_ids import Kind
from pulse.roles import Role
from pulse.tracing import request_id, trace

TOKEN = "session"  # noqa: S105 - the name of a field
SEEN_EVERY_SECONDS = 60


def sign_in(user: User) -> None:
    """Begin a new session for `user`; the one the browser held ends, and its CSRF token with it.

    It looks at the team that the browser's session did, else at the one the person chose last in any.
    Whoever knows the password needs no link to set another, so one that was mailed stops working.
    """
    _end_session()
    opened = BrowserSession.open(db.session, user, actor(user), g.get("chosen_team_id") or user.last_team_id)
    MailedLink.cancel(db.session, user.id, Purpose.RESET_PASSWORD)
    session.clear()
    session.permanent = True
    session[TOKEN] = opened.token
    g.browser_session_id, g.seen_at = opened.session.id, opened.session.last_seen_at


def sign_out() -> None:
    """End the session: for the browser, and for every copy of its cookie."""
    _end_session()
    session.clear()


def _end_session() -> None:
    if isinstance(token := session.get(TOKEN), str):
        BrowserSession.end_of(db.session, token)


def only_read() -> None:
    """End what the request has open and go on as a reader: while a page is made, nobody waits for its transaction."""
    db.session.rollback()
    db.session.connection(execution_options=READ_ONLY)


@login_manager.request_loader  # pyright: ignore[reportUntypedFunctionDecorator]
def load(_request: Request) -> User | None:
    """Return who is signed in, as Flask-Login asks; reads only, so that no page waits for a writer."""
    token = session.get(TOKEN)
    if not isinstance(token, str):
        return None
    if began := not db.session().in_transaction():
        db.session.connection(execution_options=READ_ONLY)
    found = BrowserSession.find(db.session, token)
    if found is None or not found.user.is_active:
        if began:
            db.session.rollback()
        return None
    g.browser_session_id = found.id
    g.seen_at, g.chosen_team_id = found.last_seen_at, found.team_id
    trace().asked_by(Kind.USER, found.user_id)
    user = found.user
    g.is_staff = user.is_staff
    if began and request.method not in ("GET", "HEAD", "OPTIONS"):
        # What follows may write, so it begins a transaction of its own, with the lock.
        db.session.rollback()
    return user


def browser_session() -> BrowserSession | None:
    """Return the session this request belongs to."""
    found = g.get("browser_session_id")
    return db.session.get(BrowserSession, found) if found else None


def note_seen() -> None:
    """Write down, at most once a minute, that the session is in use; a page does not fail for it."""
    seen = g.get("seen_at")
    if seen is None or (utcnow() - seen).total_seconds() < SEEN_EVERY_SECONDS:
        return
    # The reply is made. What the request left open would hold the lock that this write waits for.
    db.session.rollback()
    query = update(BrowserSession).where(BrowserSession.id == g.browser_session_id)
    try:
        with db.engine.begin() as connection:
            connection.execute(query.values(last_seen_at=utcnow()))
    except SQLAlchemyError as error:
        log.error("visit_not_noted", failure=kind_of(error))


def user() -> User:
    """Return who is signed in; only views that require it may ask.

    An account that was deleted since the request began is signed out.
    """
    who = cast("User", current_user._get_current_object())  # noqa: SLF001 - the proxy's own way to what it stands for
    try:
        who.id  # noqa: B018 - reads the row anew, if a transaction has ended since
    except ObjectDeletedError:
        abort(make_response(login_manager.unauthorized()))
    return who


def is_signed_in() -> bool:
    """Tell whether anybody is."""
    return bool(current_user.is_authenticated)


def memberships() -> list[Membership]:
    """Return the person's places in teams, the first joined first; whoever has none left is given a team of their own."""
    if not user().memberships:
        db.session.rollback()
        user().ensure_team(db.session, services().settings.signup_plan, actor())
        db.session.commit()
    return user().memberships


def look_at(team_id: int) -> None:
    """Let this session look at a team from now on, and the next one begin there."""
    mine = update(BrowserSession).where(BrowserSession.id == g.browser_session_id)
    user_id = db.session.scalar(mine.values(team_id=team_id).returning(BrowserSession.user_id))
    db.session.execute(update(User).where(User.id == user_id).values(last_team_id=team_id))
    g.chosen_team_id = team_id


def look_once(opened_in: Team) -> None:
    """Draw this one reply as of the team that its form was opened in, which is not the one that is looked at."""
    g.strayed = (
        f"You have switched to another team, {team().name}, but this form was opened in {opened_in.name}: nothing was saved."
        f" Send it again to switch back to {opened_in.name} and save it there."
    )
    g.chosen_team_id = opened_in.id


def strayed() -> str | None:
    """Return what to tell whoever sent a form of another team than the one they look at: then it is not to be written."""
    return g.get("strayed")


def membership() -> Membership:
    """Return the person's place in the team they look at: the one this session chose last, else the first."""
    mine, chosen = memberships(), g.get("chosen_team_id")
    return next((each for each in mine if each.team_id == chosen), mine[0])


def team() -> Team:
    """Return the team the person looks at."""
    return membership().team


def teams() -> list[Team]:
    """Return the person's teams, the first joined first."""
    return [each.team for each in memberships()]


def still_at(team_id: str | None) -> Team:
    """Return the team that is looked at, if it is the one a form was shown for; raises `Conflict`."""
    current = team()
    if team_id != str(current.id):
        raise switched()
    return current


def switched() -> Conflict:
    """Return the refusal of what was begun in another team."""
    return Conflict("You have switched to another team. Reload the page, then try again.")


def role() -> Role:
    """Return the role in force there."""
    return membership().effective_role(db.session)


def actor(who: User | None = None, kind: ActorKind = ActorKind.USER) -> Actor:
    """Return who acts in this request, for the audit trail."""
    user_id = who.id if who else (user().id if is_signed_in() else None)
    return Actor(kind, user_id, None, request.remote_addr, request.headers.get("User-Agent"), request_id())
