"""Static files."""

import gzip
import re
from pathlib import Path

import pytest
from flask import url_for


@pytest.fixture
def css(app):
    with app.test_request_context():
        return url_for("static", filename="pulse.css")


def test_a_file_is_cached_for_ever_under_a_name_of_its_content(app, css):
    reply = app.test_client().get(css, headers={"Accept-Encoding": "gzip, br"})

    assert re.fullmatch(r"/static/[0-9a-f]{12}/pulse\.css", css)
    assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert reply.mimetype == "text/css"
    assert gzip.decompress(reply.get_data()) == Path("static/pulse.css").read_bytes()


def test_whoever_cannot_read_compressed_files_gets_plain_ones(app, css):
    reply = app.test_client().get(css)

    assert "Content-Encoding" not in reply.headers
    assert reply.get_data() == Path("static/pulse.css").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/static/pulse.css",
        "/static/000000000000/pulse.css",
        "/static/../pyproject.toml",
        "/static/x/../../pyproject.toml",
        "/static/x/%2e%2e/%2e%2e/pyproject.toml",
        "/static/",
        "/instance/pulse.sqlite3",
        "/.git/config",
    ],
)
def test_nothing_else_is_served(app, path):
    assert app.test_client().get(path).status_code == 404


def test_the_library_is_the_pinned_version(app):
    library = Path("static/vendor/htmx.min.js").read_text("utf-8")

    assert re.search(r"version\s*=\s*[\"']4\.0\.1[\"']", library)
