"""The sender of the outbox: by SMTP, or as files where no server is set."""

import os
import secrets
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from smtplib import SMTP, SMTP_SSL, SMTPException, SMTPRecipientsRefused
from time import monotonic
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy.orm import Session, sessionmaker

from pulse.addresses import InvalidUrl, ascii_host
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.models.outbox import Letter, Message

TIMEOUT_SECONDS = 10
MOST_AT_ONCE = 200
LONGEST_TURN_SECONDS = 5.0
"""How many mails are sent, and for how long, before the sender looks up again."""

FOR_GOOD = frozenset({"refused", "unwritable"})
"""Failures that no other try mends."""

READABLE = SMTPUTF8.clone(linesep="\n")

log = structlog.get_logger("pulse")


class Refused(Exception):
    """The mail will never be taken: nobody has that address."""


class Transport(Protocol):
    """Takes mails away."""

    def send(self, mail: EmailMessage) -> None:
        """Hand one over; raises `Refused`, and `OSError` or `SMTPException` where another try may go better."""
        ...


@dataclass(frozen=True)
class SmtpServer:
    """A mail server. TLS from the start, or with STARTTLS as soon as it is offered; its certificate must be valid."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    own_name: str = "localhost"
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    @classmethod
    def at(cls, url: str, own_name: str = "localhost") -> Self:
        """Return the one that `smtp://user:password@host:port` or `smtps://…` names; raises ValueError for another URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("PULSE_SMTP_URL must be smtp://host:port or smtps://host:port")
        tls = parts.scheme == "smtps"
        names = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, parts.port or (465 if tls else 25), *names, tls=tls, own_name=own_name)

    def send(self, mail: EmailMessage) -> None:
        """Deliver one mail over a connection of its own."""
        with self._connected() as smtp:
            smtp.ehlo()
            if not self.tls and smtp.has_extn("starttls"):
                smtp.starttls(context=self.trust)
                smtp.ehlo()
            if self.username:
                smtp.login(self.username, self.password)
            try:
                smtp.send_message(mail)
            except SMTPRecipientsRefused as error:
                if all(code >= 500 for code, _ in error.recipients.values()):
                    raise Refused from error
                raise

    def _connected(self) -> SMTP:
        if self.tls:
            return SMTP_SSL(self.host, self.port, self.own_name, timeout=TIMEOUT_SECONDS, context=self.trust)
        return SMTP(self.host, self.port, self.own_name, timeout=TIMEOUT_SECONDS)


@dataclass(frozen=True)
class FileOutbox:
    """A folder with one .eml file a mail, readable by its owner alone."""

    folder: Path

    def send(self, mail: EmailMessage) -> None:
        """Write one mail, in plain text for whoever opens it; its file appears whole or not at all."""
        mail.set_content(mail.get_content(), cte="8bit")
        name = f"{utcnow():%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.eml"
        unfinished = self.folder / f".{name}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(mail.as_bytes(policy=READABLE))
        unfinished.rename(self.folder / name)
        log.info("mail_written", file=str(self.folder / name))


@dataclass(frozen=True)
class Sender:
    """Sends what waits in the outbox: each mail at least once, and a second time only after a crash between two steps."""

    transport: Transport
    mail_from: str
    host: str
    """The service's own name, for Message-IDs."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Build the one that the settings describe."""
        host = urlsplit(settings.site).hostname or "localhost"
        if settings.smtp_url is None:
            return cls(FileOutbox(settings.outbox), settings.mail_from, host)
        return cls(SmtpServer.at(settings.smtp_url.get_secret_value(), own_name=host), settings.mail_from, host)

    def send_due(self, sessions: sessionmaker[Session]) -> int:
        """Try every mail that is due, a bounded number of them; return how many were tried.

        No transaction is open while a server is spoken to. What fails stays, with its next try put off further each time,
        and is dropped after three days; what can never be delivered is dropped at once.
        """
        began = monotonic()
        for tried in range(MOST_AT_ONCE):
            # A server that is slow to fail may hold up what else is to be done by no more than its one time-out.
            if monotonic() - began > LONGEST_TURN_SECONDS:
                return tried
            with sessions.begin() as session:
                message = Message.claim(session)
                if message is None:
                    return tried
                session.flush()
                session.expunge(message)
            if self._is_done_with(message):
                with sessions.begin() as session:
                    message.sent(session)
        return MOST_AT_ONCE

    def compose(self, letter: Letter) -> EmailMessage:
        """Return the mail; raises ValueError where a header would hold a line break."""
        mail = EmailMessage()
        for name, address in (("From", self.mail_from), ("To", letter.recipient)):
            mail[name] = address
            mail.replace_header(name, [_in_ascii(each) for each in mail[name].addresses])
        mail["Subject"] = letter.subject
        mail["Date"] = letter.written_at
        mail["Message-ID"] = f"<{letter.name}@{self.host}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.body)
        return mail

    def hand_over(self, letter: Letter) -> str | None:
        """Try once; return why it failed, in a word: `refused` and `unwritable` for good, any other for now."""
        try:
            mail = self.compose(letter)
        except ValueError as error:
            log.exception("mail_unwritable", mail=letter.name, exc_info=error)
            return "unwritable"
        try:
            self.transport.send(mail)
        except Refused:
            return "refused"
        except (OSError, SMTPException, UnicodeError) as error:
            return type(error).__name__
        return None

    def _is_done_with(self, message: Message) -> bool:
        failure = self.hand_over(message.letter)
        if failure is None:
            log.info("mail_sent", mail=message.id)
            return True
        hopeless = failure in FOR_GOOD or message.is_hopeless
        log.warning("mail_dropped" if hopeless else "mail_put_off", mail=message.id, attempts=message.attempts, failure=failure)
        return hopeless


def _in_ascii(address: Address) -> Address:
    """Return an address with its domain as every mail server takes it; what stands before the @ has no such form."""
    if address.domain.isascii():
        return address
    try:
        return Address(address.display_name, address.username, ascii_host(address.domain))
    except InvalidUrl as error:
        raise ValueError("a domain with no ASCII form") from error
