"""What people write about something: any text of a bounded length."""

from pulse.models.refusals import Invalid
from pulse.names import is_storable


def check_text(text: str | None, field: str, longest: int) -> str | None:
    """Return a text in the form to store, `None` where there is none; raises `Invalid` for its field."""
    trimmed = (text or "").strip()
    if len(trimmed) > longest:
        raise Invalid(field, f"Use at most {longest:,} characters; this has {len(trimmed):,}.")
    if not is_storable(trimmed):
        raise Invalid(field, "This has characters that cannot be stored. Type it again.")
    return trimmed or None
