"""What is mailed about an account, and to whom is invited: short plain text, with links that only the settings name."""

from flask import current_app, url_for

from pulse.extensions import db, services
from pulse.models import invitation
from pulse.models.mailed_link import LIFE
from pulse.models.outbox import Message

SUBJECTS = {
    "reset_password": "Set a new password for Pulse",
    "verify_email": "Confirm your new email address for Pulse",
    "email_taken": "Someone tried to use your email address on Pulse",
    "email_asked": "Request to change your Pulse email address",
    "email_changed": "Your Pulse email address was changed",
    "password_changed": "Your Pulse password was changed",
    "account_deleted": "Your Pulse account was deleted",
    "invitation": "You are invited to a team on Pulse",
}


def queue(mail: str, recipient: str, **context: str) -> Message:
    """Add the mail `mail` to the transaction of the act it tells of; its text is `templates/mail/<mail>.txt`."""
    settings = services().settings
    # Not `render_template`: the mail is about an account, not about whoever's request this is.
    template = current_app.jinja_env.get_template(f"mail/{mail}.txt")
    body = template.render(site=settings.site, support=settings.support_email, **context)
    return Message.queue(db.session, recipient, SUBJECTS[mail], body)


def queue_link(mail: str, recipient: str, endpoint: str, token: str) -> Message:
    """Add a mail with a link to the page `endpoint`, which `token` opens."""
    link = services().settings.site + url_for(endpoint, token=token)
    return queue(mail, recipient, link=link, minutes=str(int(LIFE.total_seconds()) // 60))


def queue_invitation(sent: invitation.Sent) -> Message:
    """Add the mail with the link that takes a place in a team."""
    invited = sent.invitation
    link = services().settings.site + url_for("invitations.show", token=sent.token)
    by = invited.invited_by
    who = f"{by.name} ({by.email})" if by else "Someone"
    days = str(invitation.LIFE.days)
    return queue("invitation", invited.email, link=link, who=who, team=invited.team.name, role=invited.role.label, days=days)
