"""Names as a field of something: the rule of `pulse.names`, told at the field."""

from pulse import names
from pulse.models.refusals import Invalid


def check_name(text: str, field: str = "name") -> str:
    """Return a name in the form to store; raises `Invalid` for its field."""
    try:
        return names.clean(text)
    except names.InvalidName as error:
        raise Invalid(field, str(error).replace("a name", f"a {field}")) from error
