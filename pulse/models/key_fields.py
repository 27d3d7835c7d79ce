"""What a key's fields may be: one rule for each, for forms and programs alike."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pulse import tokens
from pulse.abilities import Ability
from pulse.models.name import check_name
from pulse.models.refusals import Invalid

LONGEST_LIFE = timedelta(days=36525)


def check_expiry(moment: datetime | None, now: datetime) -> None:
    """Hold the moment at which a key is to run out to the rule; raises `Invalid`."""
    if moment is None:
        return
    if moment <= now:
        raise Invalid("expires_at", "Choose today or a later day.")
    if moment - now > LONGEST_LIFE + timedelta(days=2):  # the last day in any zone
        raise Invalid("expires_at", "Choose a day within the next 100 years, or No expiration.")


def check_key_name(text: str) -> str:
    """Return a key's name in the form to store; raises `Invalid`."""
    if tokens.hidden(text) != text:
        raise Invalid("name", "This contains a token, which pages and emails would show. Name the key after where it is used.")
    return check_name(text)


def check_abilities(abilities: Iterable[Ability]) -> list[str]:
    """Return abilities as they are stored, in the order of the closed list; raises `Invalid` where there is none."""
    chosen = set(abilities)
    if not chosen:
        raise Invalid("abilities", "Choose at least one permission.")
    return [ability.value for ability in Ability if ability in chosen]
