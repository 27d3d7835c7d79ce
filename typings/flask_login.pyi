# The part of Flask-Login that Pulse uses: the library has no types of its own.
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Request
from flask.typing import ResponseReturnValue

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Loader = TypeVar("_Loader", bound=Callable[[Request], object])
_Handler = TypeVar("_Handler", bound=Callable[[], ResponseReturnValue])

class AnonymousUserMixin:
    @property
    def is_authenticated(self) -> bool: ...
    @property
    def is_active(self) -> bool: ...
    @property
    def is_anonymous(self) -> bool: ...

class LoginManager:
    session_protection: str | None
    anonymous_user: Callable[[], object]
    def __init__(self, app: Flask | None = None, add_context_processor: bool = True) -> None: ...
    def request_loader(self, callback: _Loader) -> _Loader: ...
    def unauthorized_handler(self, callback: _Handler) -> _Handler: ...
    def unauthorized(self) -> ResponseReturnValue: ...

# A proxy for whoever the request's loader found: a type of ours, which the library does not know.
current_user: Any

def login_required(func: Callable[_P, _T]) -> Callable[_P, _T]: ...
