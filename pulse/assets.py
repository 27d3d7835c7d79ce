"""Static files: read once, sent compressed, cached for ever under names that change with their content."""

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request

FOLDER = Path(__file__).parent.parent / "static"
NEEDED = "vendor/htmx.min.js"
FOR_EVER = "public, max-age=31536000, immutable"


class MissingAsset(RuntimeError):
    """A file that set-up fetches is not there."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    version: str
    mimetype: str
    plain: bytes
    compressed: bytes

    @classmethod
    def read(cls, file: Path) -> "Asset":
        """Read and compress a file; its version is a digest of its content."""
        plain = file.read_bytes()
        mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return cls(sha256(plain).hexdigest()[:12], mimetype, plain, gzip.compress(plain, 9, mtime=0))


def init_app(app: Flask) -> None:
    """Serve the files of `static/` as `/static/<version>/<filename>`, and have `url_for` know the versions."""
    assets = {file.relative_to(FOLDER).as_posix(): Asset.read(file) for file in FOLDER.rglob("*") if file.is_file()}
    if NEEDED not in assets:
        raise MissingAsset(f"static/{NEEDED} is missing: python3 dev.py run fetches it")

    def static(version: str, filename: str) -> Response:
        asset = assets.get(filename) or abort(404)
        return send(asset) if version == asset.version else abort(404)

    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and values.get("filename") in assets:
            values.setdefault("version", assets[values["filename"]].version)

    app.add_url_rule("/static/<version>/<path:filename>", "static", static)
    app.url_default_functions.setdefault(None, []).append(name_version)


def send(asset: Asset) -> Response:
    """Return an asset, compressed for whoever can read that."""
    smaller = "gzip" in request.accept_encodings and len(asset.compressed) < len(asset.plain)
    response = Response(asset.compressed if smaller else asset.plain, mimetype=asset.mimetype)
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Vary"] = "Accept-Encoding"
    if smaller:
        response.headers["Content-Encoding"] = "gzip"
    return response
