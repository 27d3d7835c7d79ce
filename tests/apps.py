"""Apps of the tests' own, and services exchanged in one."""

from dataclasses import replace
from typing import Any

from flask import Flask

from pulse.extensions import db, services


def exchange(app: Flask, **others: Any) -> None:
    """Put others in the place of some of an app's services."""
    app.extensions["pulse"] = replace(app.extensions["pulse"], **others)


def close(app: Flask) -> None:
    """Write what was noted, and give back every connection."""
    with app.app_context():
        own = services()
        own.uses.close()
        own.reader.close()
        for engine in (db.engine, own.reader.engine, own.uses.engine):
            engine.dispose()
