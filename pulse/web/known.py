"""Browsers in which somebody signed in before: known by a cookie that opens nothing.

All it does is to keep the count of wrong passwords typed in that browser apart from what strangers try elsewhere.
"""

import secrets
from typing import cast

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from pulse.extensions import services

LIFE_SECONDS = 365 * 24 * 3600
SALT = "known browser"


def mark(user_id: int | None) -> str | None:
    """Return this browser's mark for an account; `None` when that account was never signed in here."""
    try:
        found = cast("object", _serializer().loads(request.cookies.get(_name(), "")))
    except BadData:
        return None
    match found:
        case [int(known_id), str(text)] if known_id == user_id:
            return text
        case _:
            return None


def remember(user_id: int) -> None:
    """Let this request's reply tell the browser that it is known for an account."""
    _tell(str(_serializer().dumps([user_id, mark(user_id) or secrets.token_urlsafe(9)])), LIFE_SECONDS)


def forget() -> None:
    """Let this request's reply take the cookie away."""
    _tell("", 0)


def _tell(value: str, seconds: int) -> None:
    secure = services().settings.site.startswith("https://")

    def tell(response: Response) -> Response:
        response.set_cookie(_name(), value, seconds, secure=secure, httponly=True, samesite="Lax")
        return response

    after_this_request(tell)


def _name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-known"


def _serializer() -> URLSafeSerializer:
    settings = services().settings
    return URLSafeSerializer([*settings.former_secrets, settings.secret], salt=SALT)
