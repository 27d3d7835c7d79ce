"""What a monitor's probe asks for, and how the secret parts of that are stored."""

import json
from typing import Any, Protocol

from pulse.probe import BasicAuth, BearerAuth, Request
from pulse.vault import Vault


class Asked(Protocol):
    """What a request is made of; a monitor has it, and a row of a claim."""

    url: Any
    method: Any
    timeout_seconds: Any
    expected_status: Any
    verify_tls: Any
    headers_sealed: Any
    body_sealed: Any
    auth_sealed: Any


def request_of(asked: Asked, vault: Vault) -> Request:
    """Return what a probe asks for; raises `Unreadable` when the secret it was sealed under is gone."""
    return Request(
        url=asked.url,
        method=asked.method,
        timeout=float(asked.timeout_seconds),
        expected_status=asked.expected_status,
        verify_tls=asked.verify_tls,
        headers=json.loads(vault.open(asked.headers_sealed)) if asked.headers_sealed else {},
        body=vault.open(asked.body_sealed).encode("utf-8") if asked.body_sealed else None,
        auth=_opened_auth(asked.auth_sealed, vault),
    )


def sealed_headers(headers: dict[str, str], vault: Vault) -> bytes | None:
    """Return headers sealed; None where there are none."""
    return vault.seal(json.dumps(headers)) if headers else None


def sealed_auth(auth: BasicAuth | BearerAuth | None, vault: Vault) -> tuple[str, bytes | None]:
    """Return the type of credentials, and themselves sealed."""
    match auth:
        case None:
            return "none", None
        case BasicAuth():
            return "basic", vault.seal(json.dumps([auth.username, auth.password]))
        case BearerAuth():
            return "bearer", vault.seal(json.dumps([auth.token]))


def _opened_auth(sealed: bytes | None, vault: Vault) -> BasicAuth | BearerAuth | None:
    parts: list[str] = json.loads(vault.open(sealed)) if sealed else []
    if not parts:
        return None
    return BasicAuth(*parts) if len(parts) == 2 else BearerAuth(*parts)
