"""The app, for any WSGI server."""

from pulse.app import create_app

app = create_app()
