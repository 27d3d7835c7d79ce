"""Where somebody is led on to, as a page of ours asked."""

import re
from urllib.parse import urlsplit

from flask import url_for

LOCAL = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""A path of our own. Whatever else a browser could read as another host's address is not one."""


def local(wanted: str | None) -> str:
    """Return what was asked for, if it is a path of our own; else that of Monitors.

    Sign Out is no page to come back to. No other is looked up: which paths there are would tell where the hidden one is.
    """
    is_ours = bool(wanted and LOCAL.fullmatch(wanted)) and urlsplit(wanted).path != url_for("auth.sign_out")
    return wanted if wanted and is_ours else url_for("monitors.index")
