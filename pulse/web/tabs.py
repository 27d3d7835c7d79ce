"""What was opened in one team and is sent after another tab has switched to another: it lands nowhere it was not meant for."""

from flask import request

from pulse.extensions import db
from pulse.web import visits


def stay(*, keeps_typed: bool) -> None:
    """Refuse what names another team than the one that is looked at; raises `Conflict`.

    With `keeps_typed` the view goes on with its form, as of the team that was opened in: the form is told (`visits.strayed`), and
    comes back. When it is sent once more, it leads back there.
    """
    # What names no team is not held to any: a page from before teams were named, or a form put together by hand.
    opened_in = request.form.get("team_id") if request.method == "POST" else None
    if opened_in is None or opened_in == str(visits.team().id):
        return
    mine = next((each for each in visits.teams() if str(each.id) == opened_in), None)
    if mine is None or not keeps_typed:
        raise visits.switched()
    if request.form.get("back") == opened_in:
        visits.look_at(mine.id)
        db.session.commit()
    else:
        visits.look_once(mine)
