"""Where somebody is led on to, as a page of ours asked."""

import re

from flask import url_for

LOCAL = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""A path of our own. Whatever else a browser could read as another host's address is not one."""


def local(wanted: str | None) -> str:
    """Return what was asked for, if it is a path of our own; else that of Monitors."""
    return wanted if wanted and LOCAL.fullmatch(wanted) else url_for("monitors.index")
