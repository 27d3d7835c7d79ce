"""How values in paths are read."""

from flask import Flask
from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """An id: ASCII digits, no sign, no leading zero, always within 64 bit."""

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """Return the number."""
        if not value.isascii():
            raise ValueError
        return int(value)


class SecretConverter(BaseConverter):
    """The secret part of a mailed link; logs show the rule in its place."""

    regex = r"[0-9A-Za-z_-]{1,200}"


def init_app(app: Flask) -> None:
    """Make them known as `<id:…>` and `<secret:…>`."""
    app.url_map.converters |= {"id": IdConverter, "secret": SecretConverter}
    # A redirect to the other spelling would carry the token to wherever the Host header says.
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
