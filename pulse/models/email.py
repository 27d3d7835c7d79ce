"""What an e-mail address may be, and when two of them are one."""

from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from pulse.models.refusals import Invalid

LONGEST_EMAIL = 254


def check_email(text: str) -> str:
    """Return an address in the form to store; raises `Invalid`."""
    if len(text) > LONGEST_EMAIL:
        raise Invalid("email", f"Use at most {LONGEST_EMAIL} characters.")
    try:
        return validate_email(text.strip(), check_deliverability=False, globally_deliverable=False).normalized
    except (EmailNotValidError, UnicodeError) as error:
        raise Invalid("email", "Enter an email address such as name@example.com.") from error


def fold_email(email: str) -> str:
    """Return the form in which addresses are compared; two that differ in case or spelling alone are one person's."""
    try:
        address = check_email(email)
    except Invalid:
        address = email.strip()[:LONGEST_EMAIL]
    return normalize("NFC", normalize("NFC", address).casefold())
