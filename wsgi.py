"""The app, for any WSGI server."""

from pulse import create_app

app = create_app()
