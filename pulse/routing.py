"""Which paths are the API's, and how values in paths are read."""

from flask import Flask
from werkzeug.routing import BaseConverter

from pulse.names import ID

API = "/api/v1"
"""Where the REST API lives."""


class IdConverter(BaseConverter):
    """Reads an id."""

    regex = ID.pattern

    def to_python(self, value: str) -> int:
        """Return the number."""
        return int(value)


class SecretConverter(BaseConverter):
    """The secret part of a mailed link; logs show the rule in its place."""

    regex = r"[0-9A-Za-z_-]{1,200}"


def is_api(path: str) -> bool:
    """Tell whether a path is the API's, routed or not; what is below `/api/` never is a page."""
    return path.startswith("/api/")


def init_app(app: Flask) -> None:
    """Make them known as `<id:…>` and `<secret:…>`."""
    app.url_map.converters |= {"id": IdConverter, "secret": SecretConverter}
    # A redirect to the other spelling would carry the token to wherever the Host header says.
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
