"""The Profile tab as it is drawn: after an act, after a refusal, and behind a dialog."""

from typing import Any

from flask import Response, g, url_for

from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models.api_key import ApiKey
from pulse.models.event import Event
from pulse.models.mailed_link import MailedLink
from pulse.models.session import BrowserSession
from pulse.models.user import User
from pulse.web import visits
from pulse.web.forms.settings import ChangePasswordForm, ProfileForm

RECENT = 20
"""Events shown of the account's trail."""

PAGE, PANEL = "settings/profile.html", "settings/_profile.html"


def panel(status: int = 200, **refused: Any) -> Response:
    """Answer the tab; a form that was refused (`profile_form`, `password_form`) comes back as it was filled in."""
    return render(PAGE, PANEL, status, **shown(**refused))


def dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer a dialog: by itself to htmx, else open on the tab."""
    return render(PAGE, template, status, dialog=template, **shown(), **context)


def done() -> Response:
    """Answer the tab after an act: the panel redrawn from what was committed, or the page anew."""
    if not wants_fragment():
        return go(url_for("settings.profile"))
    visits.only_read()
    return panel()


def shown(profile_form: ProfileForm | None = None, password_form: ChangePasswordForm | None = None) -> dict[str, Any]:
    """Return what the tab shows: always the committed state."""
    me = visits.user()
    return {
        "profile_form": profile_form or ProfileForm(formdata=None, obj=me),
        "ask_password": profile_form is not None and profile_form.email.data != me.email,
        "pending_email": MailedLink.pending_email(db.session, me.id),
        "password_form": password_form or ChangePasswordForm(formdata=None),
        "sessions": BrowserSession.of_user(db.session, me.id),
        "current_session_id": g.browser_session_id,
        **trail(me.id),
        "key_count": len(ApiKey.of_user(db.session, me.id)),
    }


def trail(user_id: int) -> dict[str, Any]:
    """Return what was done with the account lately, with the names of the keys and people who are meant."""
    events = Event.of_user(db.session, user_id, RECENT)
    keys = [key_id for each in events for key_id in (each.key_id, each.actor_key_id) if key_id]
    others = [each.actor_user_id for each in events if each.actor_user_id and each.actor_user_id != user_id]
    return {
        "events": events,
        "key_names": ApiKey.names_of(db.session, user_id, keys),
        "people": User.names_of(db.session, others),
    }
