"""How a form comes back when a rule refused it."""

from collections.abc import Callable

from flask import Response

from pulse.models.refusals import Conflict, RateLimited, Refused, RoleRequired
from pulse.web import visits
from pulse.web.forms.base import BaseForm


def refuse(form: BaseForm, refused: Refused, draw: Callable[[int], Response]) -> Response:
    """Tell the refusal in the form, and answer what `draw` makes of it for a status; passwords have to be typed again."""
    if isinstance(refused, RoleRequired):
        raise refused  # nothing that is typed into the form could mend it
    visits.only_read()
    form.tell(refused)
    if not isinstance(refused, RateLimited):
        return draw(409 if isinstance(refused, Conflict) else 422)
    response = draw(429)
    response.headers["Retry-After"] = str(refused.seconds)
    return response
