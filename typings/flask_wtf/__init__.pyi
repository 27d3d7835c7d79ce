# The part of Flask-WTF that Pulse uses: the library has no types of its own.
from typing import ClassVar

from wtforms import Form
from wtforms.meta import DefaultMeta

class FlaskForm(Form):
    class Meta(DefaultMeta):
        csrf: ClassVar[bool]  # pyright: ignore[reportIncompatibleVariableOverride] - the class of the library has a property
    def is_submitted(self) -> bool: ...
    def validate_on_submit(self) -> bool: ...
