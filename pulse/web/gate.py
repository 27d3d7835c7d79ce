"""The pages for people who are not signed in."""

from flask import Response, make_response, render_template
from wtforms import Form

from pulse.models.refusals import Refused
from pulse.web import refusal
from pulse.web.forms.base import BaseForm


def page(name: str, form: Form | None = None, status: int = 200, **context: object) -> Response:
    """Answer one of them; they have no fragments, for nothing on them is swapped."""
    return make_response(render_template(f"auth/{name}.html", form=form, **context), status)


def refuse(name: str, form: BaseForm, refused: Refused) -> Response:
    """Answer the page with what was wrong."""
    return refusal.refuse(form, refused, lambda status: page(name, form, status))
