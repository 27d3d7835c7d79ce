"""The sender: every mail arrives, waits for another try, or is given up with a word about it."""

import ssl
import stat
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from pulse.clock import utcnow
from pulse.config import Settings
from pulse.extensions import db
from pulse.mail import FileOutbox, Sender, SmtpServer
from pulse.models.outbox import GIVEN_UP_AFTER, Message


class Inbox:
    """A mail server's side of the talk: keeps what comes, or refuses it."""

    def __init__(self, *, answer: str = "250 OK") -> None:
        self.answer = answer
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append((envelope, session, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


class AnyPort(Controller):
    """A server on whatever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(inbox: Inbox, **options) -> Generator[int]:
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0, server_hostname="mx.test", **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def sessions(app) -> sessionmaker[Session]:
    return sessionmaker(db.engine)


def queue(subject: str = "Hello", body: str = "A body.\n", recipient: str = "alice@example.com") -> None:
    Message.queue(db.session, recipient, subject, body)
    db.session.commit()


def waiting() -> list[Message]:
    db.session.rollback()
    return list(db.session.scalars(select(Message)))


def hurry() -> None:
    db.session.execute(update(Message).values(due_at=utcnow()))
    db.session.commit()


def sender(transport) -> Sender:
    return Sender(transport, "Pulse <pulse@example.com>", "pulse.example.com")


def test_a_mail_is_delivered_once_and_leaves_no_row(sessions):
    queue("Störung: Shop", "Größe\n.\nEnd")
    inbox = Inbox()

    with mail_server(inbox) as port:
        tried = [sender(SmtpServer.at(f"smtp://127.0.0.1:{port}")).send_due(sessions) for _ in range(2)]

    ((envelope, _, mail),) = inbox.mails
    assert tried == [1, 0]
    assert waiting() == []
    assert (mail["Subject"], mail["From"], mail["To"]) == ("Störung: Shop", "Pulse <pulse@example.com>", "alice@example.com")
    assert (mail.get_content().split(), mail["Date"].datetime.utcoffset()) == (["Größe", ".", "End"], timedelta())
    assert mail["Message-ID"].endswith("@pulse.example.com>")
    assert envelope.mail_from == "pulse@example.com"


def test_a_domain_of_any_script_is_written_as_every_server_takes_it(sessions):
    queue(recipient="bücher.laden@bücher.example")
    queue(recipient="shop@bücher.example")
    inbox = Inbox()

    with mail_server(inbox, enable_SMTPUTF8=False) as port:
        sent = Sender(SmtpServer.at(f"smtp://127.0.0.1:{port}"), "Bücher <pulse@bücher.example>", "pulse.example.com")
        sent.send_due(sessions)

    ((envelope, _, mail),) = inbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("pulse@xn--bcher-kva.example", ["shop@xn--bcher-kva.example"])
    assert mail["From"] == "Bücher <pulse@xn--bcher-kva.example>"
    # What stands before the @ needs a server with SMTPUTF8, which this one is not.
    assert [each.recipient for each in waiting()] == ["bücher.laden@bücher.example"]


def test_a_mail_waits_for_a_server_that_is_away(sessions):
    queue()
    with mail_server(Inbox()) as port:
        pass
    away = sender(SmtpServer.at(f"smtp://127.0.0.1:{port}"))

    away.send_due(sessions)
    again = away.send_due(sessions)
    (message,) = waiting()
    first_wait = message.due_at - message.created_at
    hurry()
    away.send_due(sessions)

    assert (again, first_wait >= timedelta(seconds=30)) == (0, True)
    (message,) = waiting()
    assert message.attempts == 2


def test_a_mail_refused_for_now_is_tried_again_and_arrives(sessions):
    queue()
    inbox = Inbox(answer="451 Come back later")

    with mail_server(inbox) as port:
        server = sender(SmtpServer.at(f"smtp://127.0.0.1:{port}"))
        server.send_due(sessions)
        refused = len(waiting())
        inbox.answer = "250 OK"
        hurry()
        server.send_due(sessions)

    assert (refused, len(inbox.mails), waiting()) == (1, 1, [])


def test_a_mail_to_nobody_is_dropped_and_said_so(sessions, capfd):
    queue(body="https://pulse.example.com/reset/secret")

    with mail_server(Inbox(answer="550 No such user")) as port:
        sender(SmtpServer.at(f"smtp://127.0.0.1:{port}")).send_due(sessions)

    assert waiting() == []
    said = capfd.readouterr().out
    assert "mail_dropped" in said
    assert "secret" not in said


def test_a_mail_is_given_up_after_three_days(sessions, capfd):
    queue()
    message = waiting()[0]
    db.session.execute(update(Message).values(created_at=message.created_at - GIVEN_UP_AFTER))
    db.session.commit()
    with mail_server(Inbox()) as port:
        pass

    sender(SmtpServer.at(f"smtp://127.0.0.1:{port}")).send_due(sessions)

    assert waiting() == []
    assert "mail_dropped" in capfd.readouterr().out


def test_a_server_that_is_away_for_days_holds_up_no_other_mail(sessions):
    queue()
    message = waiting()[0]
    # As after two days of tries, an hour apart.
    db.session.execute(update(Message).values(attempts=50, created_at=message.created_at - timedelta(days=2)))
    db.session.commit()
    with mail_server(Inbox()) as port:
        pass

    tried = sender(SmtpServer.at(f"smtp://127.0.0.1:{port}")).send_due(sessions)

    (message,) = waiting()
    assert (tried, message.attempts) == (1, 51)
    assert timedelta(minutes=59) < message.due_at - utcnow() <= timedelta(hours=1)


def test_a_subject_cannot_become_a_header(sessions):
    queue("Hello\r\nBcc: charlie@example.com")
    queue("Fine")
    inbox = Inbox()

    with mail_server(inbox) as port:
        sender(SmtpServer.at(f"smtp://127.0.0.1:{port}")).send_due(sessions)

    assert [mail["Subject"] for _, _, mail in inbox.mails] == ["Fine"]
    assert waiting() == []


def test_one_bad_mail_holds_up_no_other(sessions, tmp_path):
    for subject in ("One", "Two\nCc: charlie@example.com", "Three"):
        queue(subject)

    tried = sender(FileOutbox(tmp_path)).send_due(sessions)

    assert tried == 3
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_a_second_try_carries_the_same_message_id(sessions):
    queue()
    message = waiting()[0]

    ids = {sender(FileOutbox).compose(message.letter)["Message-ID"] for _ in range(2)}

    assert len(ids) == 1


def test_credentials_and_starttls_are_used_when_the_server_offers_them(sessions):
    queue()
    inbox, seen, authority = Inbox(), [], trustme.CA()
    trusted, own = SmtpServer.at("smtp://x").trust, authority.issue_cert("localhost")
    authority.configure_trust(trusted)

    def authenticate(server, session, envelope, mechanism, credentials):
        seen.append((credentials.login, credentials.password, session.ssl is not None))
        return AuthResult(success=True)

    with mail_server(inbox, tls_context=tls(own), require_starttls=True, authenticator=authenticate, auth_required=True) as port:
        at = SmtpServer("localhost", port, "pulse", "p@ss", trust=trusted)
        sender(at).send_due(sessions)

    assert seen == [(b"pulse", b"p@ss", True)]
    assert len(inbox.mails) == 1


def test_a_server_with_a_certificate_nobody_vouches_for_gets_no_mail(sessions):
    queue()
    inbox = Inbox()

    with mail_server(inbox, tls_context=tls(trustme.CA().issue_cert("localhost"))) as port:
        sender(SmtpServer("localhost", port)).send_due(sessions)

    assert inbox.mails == []
    assert len(waiting()) == 1


def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "password", "at_once"),
    [
        ("smtp://mx.example.com", "mx.example.com", 25, "", "", False),
        ("smtp://pulse%40example.com:p%3Aw%2F@mx.example.com:587", "mx.example.com", 587, "pulse@example.com", "p:w/", False),
        ("smtps://mx.example.com", "mx.example.com", 465, "", "", True),
    ],
)
def test_the_servers_url_is_read(url, host, port, username, password, at_once):
    server = SmtpServer.at(url)

    assert (server.host, server.port, server.username, server.password, server.tls) == (host, port, username, password, at_once)
    assert password == "" or password not in repr(server)


@pytest.mark.parametrize("url", ["http://mx.example.com", "mx.example.com", "smtp://"])
def test_a_url_that_is_no_mail_servers_is_refused(url):
    with pytest.raises(ValueError, match="PULSE_SMTP_URL"):
        SmtpServer.at(url)


def test_without_a_server_each_mail_is_a_file_for_its_owners_eyes(sessions, tmp_path, capfd):
    queue("Störung", f"Größe: https://pulse.example.com/reset/{'secret' * 20}\n")
    settings = Settings(data=tmp_path)

    Sender.of(settings).send_due(sessions)

    (file,) = settings.outbox.iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=default)
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (mail["Subject"], mail.get_content()) == ("Störung", f"Größe: https://pulse.example.com/reset/{'secret' * 20}\n")
    assert f"/reset/{'secret' * 20}\n" in file.read_text("utf-8")
    said = capfd.readouterr().out
    assert str(file) in said
    assert "secret" not in said


def test_the_settings_choose_the_transport(tmp_path):
    with_server = Settings(data=tmp_path, smtp_url=SecretStr("smtps://mx.example.com"), base_url="https://pulse.example.com:8443")

    chosen = Sender.of(with_server)

    assert isinstance(chosen.transport, SmtpServer)
    assert (chosen.host, chosen.transport.own_name) == ("pulse.example.com", "pulse.example.com")
    assert isinstance(Sender.of(Settings(data=tmp_path)).transport, FileOutbox)
