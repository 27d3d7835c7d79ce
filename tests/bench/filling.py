"""Databases with as many keys as a service has after years, written past the models: a million in less than a minute."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from pulse import tokens
from pulse.abilities import Ability
from pulse.addresses import network_of
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import connect
from pulse.models.conditions import Condition
from pulse.models.key_counting import SURROUNDINGS
from pulse.plans import Plan

KEYS = 20
"""How many keys each account has."""
MONITORS = 5
"""How many monitors each team has."""
ROTATED = 4
"""Each so many-th key has been rotated once."""
ADDRESS, AGENT = "127.0.0.1", "curl/8.5.0"
"""The client that each token was used from."""
ABILITIES = json.dumps([Ability.MONITORS_READ.value, Ability.CHECKS_READ.value])

Row = tuple[Any, ...]


class Part(NamedTuple):
    """One table's rows, and their columns."""

    table: str
    columns: str
    rows: Iterable[Row]


def token(number: int, state: str = "live") -> str:
    """Return the token of the key `number`, the one it has or the one it had: made from the number, so that none is kept."""
    body = tokens.PREFIX + sha256(f"{state} {number}".encode()).hexdigest()[: tokens.RANDOM_LENGTH]
    return body + tokens.checksum(body)


def fill(settings: Settings, keys: int) -> None:
    """Write so many keys, a multiple of `KEYS`, with all that belongs to them into an empty migrated database."""
    engine = connect(settings.database)
    raw = engine.raw_connection()
    load = _load_sqlite if engine.dialect.name == "sqlite" else _load_postgresql
    load(raw.driver_connection, list(_parts(keys)))
    # It was set to be fast rather than safe: nobody may be given it again.
    raw.invalidate()
    engine.dispose()


def _load_sqlite(connection: Any, parts: list[Part]) -> None:
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-1000000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for part in parts:
        marks = ", ".join("?" for _ in part.columns.split(","))
        connection.executemany(f"INSERT INTO {part.table} ({part.columns}) VALUES ({marks})", part.rows)  # noqa: S608 - our own words
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")


def _load_postgresql(connection: Any, parts: list[Part]) -> None:
    # Foreign keys are kept by triggers, which a replica does not fire.
    connection.execute("SET statement_timeout = 0; SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    for part in parts:
        with connection.cursor().copy(f"COPY {part.table} ({part.columns}) FROM STDIN") as copy:
            for row in part.rows:
                copy.write_row(row)
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{part.table}', 'id'), max(id)) FROM {part.table}")  # noqa: S608 - our own words
    connection.commit()
    # What the server does by itself sooner or later, and must not do while it is measured.
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def _parts(keys: int) -> Iterator[Part]:
    now = utcnow()
    accounts = range(1, keys // KEYS + 1)
    yield from _accounts(accounts, _stored(now))
    yield _monitors(accounts, _stored(now))
    yield from _keys(range(1, len(accounts) * KEYS + 1), now)


def _accounts(accounts: range, now: str) -> Iterator[Part]:
    yield Part(
        "users",
        "id, email, email_folded, name, password_hash, timezone, theme, created_at, password_changed_at",
        ((n, f"p{n}@example.com", f"p{n}@example.com", f"Person {n}", "-", "UTC", "system", now, now) for n in accounts),
    )
    yield Part("teams", "id, name, plan, created_at", ((n, f"Team {n}", Plan.TEAM.value, now) for n in accounts))
    yield Part("memberships", "id, user_id, team_id, role, joined_at", ((n, n, n, "owner", now) for n in accounts))
    rule = ("Monitor down", Condition.CHECK_FAILED.value, 2, True, 0, 2, "critical", True, now)
    columns = "id, team_id, name, condition, threshold, covers_all, cooldown_minutes, resolve_after, priority, active, created_at"
    yield Part("alert_rules", columns, ((n, n, *rule) for n in accounts))
    yield Part("projects", "id, team_id, name, is_default, created_at", ((n, n, "Default", True, now) for n in accounts))


def _monitors(accounts: range, now: str) -> Part:
    columns = (
        "id, team_id, project_id, name, name_folded, url, method, interval_seconds, timeout_seconds, expected_status, verify_tls,"
        " header_names, auth_type, created_at, updated_at, anchored_at, fence, failures, successes, last_check_id, last_type,"
        " last_up, last_http_status_code, last_response_time_ms, last_checked_at"
    )
    shape = ("GET", 60, 10, 200, True, "[]", "none", now, now, now, 0, 0, 9, 1, "scheduled", True, 200, 120, now)
    named = ((n, place, f"Shop {place}") for n in accounts for place in range(MONITORS))
    rows = (
        ((n - 1) * MONITORS + place + 1, n, n, name, name.lower(), f"https://shop{place}.example.com/", *shape)
        for n, place, name in named
    )
    return Part("monitors", columns, rows)


def _keys(keys: range, now: datetime) -> Iterator[Part]:
    began, ended, used = _stored(now - timedelta(days=90)), _stored(now - timedelta(days=9)), _stored(now)
    owners = ((n, (n - 1) // KEYS + 1, f"Key {n}") for n in keys)
    yield Part(
        "api_keys",
        "id, user_id, team_id, name, name_folded, abilities, created_at",
        ((n, owner, owner, name, name.lower(), ABILITIES, began) for n, owner, name in owners),
    )
    columns = "id, key_id, digest, last_eight, issued_at, first_used_at, last_used_at, retired_at, reason"
    rotated = keys[ROTATED - 1 :: ROTATED]
    live = ((n, n, *_kept(token(n)), began, began, used, None, None) for n in keys)
    former = ((len(keys) + n, n, *_kept(token(n, "former")), began, began, ended, ended, "rotated") for n in rotated)
    yield Part("tokens", columns, live)
    yield Part("tokens", columns, former)
    yield _clients([*keys, *(len(keys) + n for n in rotated)], began, used)


def _clients(tokens: Iterable[int], began: str, used: str) -> Part:
    columns = (
        "id, token_id, address, user_agent, network, first_seen_at, last_seen_at, count, last_operation, last_status, last_code"
    )
    seen = (ADDRESS, AGENT, network_of(ADDRESS, *SURROUNDINGS), began, used, 9, "GET /key", 200, "")
    return Part("key_clients", columns, ((n, n, *seen) for n in tokens))


def _kept(text: str) -> tuple[bytes, str]:
    return tokens.digest(text), tokens.last_eight(text)


def _stored(moment: datetime) -> str:
    """Return a time as SQLite has it stored; PostgreSQL reads it so, in the zone our connections are set to: UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
