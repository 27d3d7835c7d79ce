"""What a monitor's probe asks for, and how the secret parts of that are stored."""

import json
from datetime import datetime, timedelta
from typing import Any, Protocol

from pulse.clock import utcnow
from pulse.probe import BasicAuth, BearerAuth, Request
from pulse.vault import Unreadable, Vault

READ_EVERY = timedelta(hours=1)
"""How often the end of a target's certificate is read: it costs a sixth of a check, and changes every few weeks."""


class Stored(Protocol):
    """What a request is made of; a monitor has it, and a row of a claim."""

    url: Any
    method: Any
    timeout_seconds: Any
    expected_status: Any
    verify_tls: Any
    headers_sealed: Any
    body_sealed: Any
    auth_sealed: Any
    certificate_read_at: Any


Asked = tuple[Any, ...]
"""What the settings are that a probe's request is made of; of what is secret, as it is sealed."""


def asked_of(stored: Stored) -> Asked:
    """Return what a probe asks for, to be compared: the same settings, entered once more, stay as they are sealed."""
    secrets = (stored.headers_sealed, stored.body_sealed, stored.auth_sealed)
    return stored.url, stored.method, stored.timeout_seconds, stored.expected_status, stored.verify_tls, *secrets


def request_of(stored: Stored, vault: Vault) -> Request:
    """Return what a probe asks for; raises `Unreadable` when the secret it was sealed under is gone."""
    return Request(
        url=stored.url,
        method=stored.method,
        timeout=float(stored.timeout_seconds),
        expected_status=stored.expected_status,
        verify_tls=stored.verify_tls,
        headers=_opened_headers(stored.headers_sealed, vault),
        body=body.encode("utf-8") if (body := _opened_body(stored.body_sealed, vault)) else None,
        auth=_opened_auth(stored.auth_sealed, vault),
        wants_certificate=_is_stale(stored.certificate_read_at),
    )


def _is_stale(read_at: datetime | None) -> bool:
    return read_at is None or read_at <= utcnow() - READ_EVERY


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


def changes(stored: Stored, values: dict[str, Any], vault: Vault) -> dict[str, Any]:
    """Return those of the values that differ from what is stored: the same once more is no change."""
    return {field: value for field, value in values.items() if not _is_stored(stored, field, value, vault)}


def _is_stored(stored: Stored, field: str, value: Any, vault: Vault) -> bool:
    try:
        match field:
            case "headers":
                return _opened_headers(stored.headers_sealed, vault) == value
            case "body":
                return _opened_body(stored.body_sealed, vault) == (value or None)
            case "auth":
                return _opened_auth(stored.auth_sealed, vault) == value
            case _:
                return getattr(stored, field) == value
    except Unreadable:
        return False


def _opened_headers(sealed: bytes | None, vault: Vault) -> dict[str, str]:
    return json.loads(vault.open(sealed)) if sealed else {}


def _opened_body(sealed: bytes | None, vault: Vault) -> str | None:
    return vault.open(sealed) if sealed else None


def _opened_auth(sealed: bytes | None, vault: Vault) -> BasicAuth | BearerAuth | None:
    parts: list[str] = json.loads(vault.open(sealed)) if sealed else []
    if not parts:
        return None
    return BasicAuth(*parts) if len(parts) == 2 else BearerAuth(*parts)
