"""What the name of a thing may be: one rule for keys, monitors, teams and people."""

import re
import unicodedata

ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
"""An id: ASCII digits, no sign, no leading zero, always within 63 bit."""
LONGEST = 100
MOST_PER_CHARACTER = 4
"""How many code points may stand for one character of a name before it is normalized."""
LONGEST_FOLDED = 2000
"""What is longer than any name can be compared as it is."""

# Controls, surrogates, private use and the unassigned; line and paragraph separators; what reorders text around it.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = re.compile(
    r"[\s\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)


class InvalidName(ValueError):
    """A name that cannot be accepted; its text tells the person why."""


def clean(text: str, longest: int = LONGEST) -> str:
    """Return `text` trimmed and in NFC; raises `InvalidName` with what to do about it."""
    given = text.strip()
    # Normalizing takes time that grows with the square of a run of combining marks: never text of any length.
    if len(given) > MOST_PER_CHARACTER * longest:
        raise InvalidName(f"Use at most {longest} characters; this has {len(given)}.")
    name = unicodedata.normalize("NFC", given) if not _is_broken(given) else given
    if all(_is_invisible(character) for character in name):
        raise InvalidName("Enter a name.")
    if len(name) > longest:
        raise InvalidName(f"Use at most {longest} characters; this has {len(name)}.")
    if any(_is_forbidden(character) for character in name):
        raise InvalidName("Remove line breaks, control characters and characters that change the direction of text.")
    return name


def fold(name: str) -> str:
    """Return the form in which two names are compared, so that `CI` and `ci` are one."""
    folded = name.casefold()
    return unicodedata.normalize("NFC", folded) if len(folded) <= LONGEST_FOLDED else folded


def is_storable(text: str) -> bool:
    """Tell whether a database can hold a text, or look for one: NUL and lone surrogates it cannot."""
    return "\0" not in text and not _is_broken(text)


def _is_broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _is_invisible(character: str) -> bool:
    return _INVISIBLE.match(character) is not None or unicodedata.category(character) in ("Cf", "Mn", "Me", "Zs")


def _is_forbidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _FORBIDDEN_CATEGORIES
