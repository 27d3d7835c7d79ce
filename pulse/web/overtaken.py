"""Somebody else was quicker: what was changed since its form was shown is not changed back unseen."""

from collections.abc import Callable

from pulse.db import Base
from pulse.extensions import db
from pulse.models.hold import hold
from pulse.web import visits
from pulse.web.forms.base import OwnedForm


def hold_as_seen(form: OwnedForm, row: Base, gone: str, as_it_is: Callable[[], OwnedForm], *, key_share: bool = False) -> None:
    """Keep a row until the transaction ends, to be written from its form; `as_it_is` returns that form filled with the row.

    Raises `Conflict` where the row is gone, or where what is to be written would undo what came since the form was shown.
    """
    # In the order that the models take them in, and as they do: two that wait for each other wait for ever.
    visits.team().hold(db.session)
    hold(db.session, row, gone, key_share=key_share)
    form.compare(as_it_is())
