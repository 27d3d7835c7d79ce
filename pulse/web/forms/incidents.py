"""The form of incidents."""

import re
from typing import Any

from wtforms import Field, TextAreaField, ValidationError

from pulse.models.incident import LONGEST_ROOT_CAUSE, check_root_cause
from pulse.models.refusals import Invalid
from pulse.web.forms.base import OwnedForm


class RootCauseField(TextAreaField):
    """Lines of text; a line break is one character, as people count them."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read it."""
        self.data = re.sub(r"\r\n?", "\n", valuelist[0]) if valuelist else ""


class ResolveForm(OwnedForm):
    """**Confirm Resolution**."""

    root_cause = RootCauseField("Root Cause", render_kw={"maxlength": LONGEST_ROOT_CAUSE})

    def validate_root_cause(self, field: Field) -> None:
        """Hold it to the model's rule."""
        try:
            check_root_cause(field.data)
        except Invalid as error:
            raise ValidationError(str(error)) from error
