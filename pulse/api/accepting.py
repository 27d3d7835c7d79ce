"""What types of reply a caller takes."""

from flask import Request
from werkzeug.datastructures import MIMEAccept

JSON, ANY = "application/json", "*/*"
USUAL = (None, "", ANY, JSON)
"""What `Accept` mostly says; to all of it, JSON is an answer."""


def accepted(asked: Request) -> MIMEAccept:
    """Return the types that a caller takes. Parameters of theirs, as a charset, ask for nothing that could be chosen here."""
    return MIMEAccept([(kind.partition(";")[0].strip(), quality) for kind, quality in asked.accept_mimetypes])
