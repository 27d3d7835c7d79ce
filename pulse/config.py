"""Every setting, its default and a line of why; the environment is read once, here."""

import os
import re
import secrets
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pulse.plans import Plan

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: a command must reach the same database wherever it is run."""
SHORTEST_SECRET = 32


def _networks(value: Any) -> Any:
    """Take CIDRs as people write them in one variable, with commas or spaces between."""
    if isinstance(value, str):
        return [ip_network(each) for each in value.replace(",", " ").split()]
    return value


def _checked_limit(value: str) -> str:
    parse(value)
    return value


def _path(value: str) -> str:
    if not value.startswith("/") or value == "/" or "//" in value:
        raise ValueError("give a path such as /support")
    return value.rstrip("/")


def _site(value: str) -> str:
    """Take the address of a whole site: Pulse is at its root, and requests name its host in ASCII."""
    try:
        parts = urlsplit(value)
        plain = f"{parts.scheme}://{parts.netloc}"
        is_site = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        is_site, plain = False, ""
    if not is_site or value.removesuffix("/").lower() != plain.lower() or not re.fullmatch(r"[!-~]+", value):
        raise ValueError("give the address people use, such as https://pulse.example.com, without a path")
    return plain


Rate = Annotated[str, AfterValidator(_checked_limit)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class Settings(BaseSettings):
    """The settings of one process. Field `x_y` is read from `PULSE_X_Y`."""

    model_config = SettingsConfigDict(env_prefix="PULSE_", frozen=True, env_ignore_empty=True)

    env: Literal["embedded", "production"] = "embedded"
    """`production` refuses weak secrets, plain HTTP and an unmigrated database."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)

    data: Path = ROOT / "instance"
    """Holds the SQLite file, the outbox and the generated secret; made with mode 0700."""

    database_url: SecretStr | None = None
    """`postgresql://…`; without it, SQLite in `data`."""

    redis_url: SecretStr | None = None
    """Shared rate limits; without it each process counts up to limit / `workers`."""

    secret_key: SecretStr | None = None
    """Signs browser sessions and seals monitors' credentials; without it, one is generated in `data`."""

    former_secret_keys: SecretStr | None = None
    """Earlier secrets, separated by spaces: still opened with, never sealed with."""

    base_url: Annotated[str, AfterValidator(_site)] | None = None
    """The only source of links in mail and replies: never the request's Host header."""

    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """The exact number of proxies whose forwarded headers count."""

    workers: int = Field(default=1, ge=1, le=256)
    threads: int = Field(default=8, ge=1, le=256)

    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:port` (`smtps://` for TLS from the start); without it, files in `data/outbox`."""

    mail_from: str = "Pulse <pulse@localhost>"
    support_email: str | None = None
    """Where **Contact support** leads; without it, that line is not shown."""

    signup_plan: Plan = Plan.FREE
    billing: Literal["self", "staff"] = "self"
    """`staff`: only support staff and the command line change plans."""

    allowed_networks: Networks = ()
    """CIDRs that may be monitored although they are not public."""

    demo: bool | None = None
    """Whether an empty database gets a demo account; default: only when embedded."""

    login_limit: Rate = "10 per 15 minutes"
    """Wrong passwords, per account and per address."""

    signup_limit: Rate = "10 per hour"
    """New accounts, per address."""

    manual_check_limit: Rate = "10 per minute"
    """Manual checks, per monitor."""

    unauthenticated_limit: Rate = "120 per minute"
    """API calls without a known token, per address."""

    password_cost: int = Field(default=12, ge=4, le=16)
    """bcrypt's work factor; production refuses less than 12."""

    support_path: Annotated[str, AfterValidator(_path)] = "/support"
    """Where the hidden route lives."""

    @model_validator(mode="after")
    def _is_safe_in_production(self) -> Self:
        if self.env == "production":
            faults = self._production_faults()
            if faults:
                raise ValueError("; ".join(faults))
        return self

    def _production_faults(self) -> list[str]:
        faults: list[str] = []
        secret = self.secret_key.get_secret_value() if self.secret_key else ""
        if len(secret.encode()) < SHORTEST_SECRET or len(set(secret)) < 10:
            faults.append(f"set PULSE_SECRET_KEY to at least {SHORTEST_SECRET} random bytes")
        if not (self.base_url or "").startswith("https://"):
            faults.append("set PULSE_BASE_URL to the https:// address people use")
        if self.password_cost < 12:
            faults.append("PULSE_PASSWORD_COST must be at least 12")
        return faults

    @cached_property
    def in_production(self) -> bool:
        """Whether this is a deployment that must not be lenient."""
        return self.env == "production"

    @property
    def makes_demo(self) -> bool:
        """Whether an empty database gets a demo account."""
        return not self.in_production if self.demo is None else self.demo

    @cached_property
    def site(self) -> str:
        """The service's own address without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @cached_property
    def site_host(self) -> str:
        """The host of `site` as requests name it: lower case, with its port unless that is the scheme's own."""
        parts = urlsplit(self.site)
        own = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
        return parts.netloc.lower().removesuffix(own)

    @cached_property
    def database(self) -> str:
        """The database's URL, for SQLAlchemy."""
        if self.database_url is None:
            return f"sqlite:///{self.folder / 'pulse.sqlite3'}"
        url = self.database_url.get_secret_value()
        return url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url

    @cached_property
    def folder(self) -> Path:
        """The absolute data folder, made when missing, readable by its owner alone."""
        folder = self.data.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @cached_property
    def outbox(self) -> Path:
        """Where mail goes as files when there is no SMTP server."""
        outbox = self.folder / "outbox"
        outbox.mkdir(mode=0o700, exist_ok=True)
        return outbox

    @cached_property
    def secret(self) -> str:
        """The secret in force: that of the environment, else one generated once in `data`."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _generated(self.folder / "secret_key")

    @property
    def former_secrets(self) -> tuple[str, ...]:
        """Earlier secrets, newest first."""
        return tuple(self.former_secret_keys.get_secret_value().split()) if self.former_secret_keys else ()

    def rate(self, name: Literal["login", "signup", "manual_check", "unauthenticated"]) -> RateLimitItem:
        """Return one of the configured limits, parsed."""
        return parse(getattr(self, f"{name}_limit"))


def _generated(file: Path) -> str:
    """Read the secret in `file`; make it first when there is none. Two processes at once agree on one."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text("ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(48))
    return file.read_text("ascii")
