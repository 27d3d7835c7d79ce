"""What is to be done now and then: mail, and clearing up."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy.orm import Session, sessionmaker

from pulse.checker.delivering import send_mails
from pulse.checker.outages import Patience
from pulse.checker.worker import Worker
from pulse.db import READ_ONLY
from pulse.mail import Sender
from pulse.models import key_notices, leftovers
from pulse.models.check import Check
from pulse.models.claim import realign
from pulse.models.delivery import Delivery
from pulse.models.hourly_sum import HourlySum
from pulse.models.invitation import Invitation
from pulse.models.key_counting import sweep as sweep_uses
from pulse.models.remembered_reply import RememberedReply
from pulse.models.session import BrowserSession
from pulse.models.throttle import Throttle

MAIL_SECONDS = 1.0
SWEEP_SECONDS = 60.0
MOST_SWEEPS = 50
"""How often a thousand old checks, hours and uses are removed before it is somebody else's turn."""

Found = TypeVar("Found")

log = structlog.get_logger("pulse")


class Chores(Worker):
    """Sends what is due in the outbox every second, and clears up every minute.

    At the end a mail server that does not answer is not waited for: its mail is tried again.
    """

    name = "chores"

    def __init__(self, sessions: sessionmaker[Session], sender: Sender, site: str) -> None:
        super().__init__()
        self._sessions = sessions
        self._site = site
        self._sender = sender
        self._swept_at = float("-inf")
        self._patience = Patience("chores")

    def do_all(self) -> None:
        """Do everything once, on the caller's thread."""
        while self._sender.send_due(self._sessions) + send_mails(self._sessions, self._sender, self._site):
            pass
        self.sweep()

    def sweep(self) -> None:
        """Tell of keys that run out, remove what nobody keeps any longer, and take up what a clock set back has lost."""
        self._in_transaction(BrowserSession.sweep)
        self._in_transaction(Throttle.sweep)
        self._in_transaction(RememberedReply.sweep)
        self._in_transaction(Invitation.sweep)
        if expiring := self._reading(key_notices.expiring):
            self._in_transaction(lambda session: key_notices.tell_of_expiry(session, expiring))
        if moved := self._in_transaction(realign):
            log.warning("clock_set_back", monitors=moved)
        for _ in range(MOST_SWEEPS):
            # Small and apart: nobody else waits for long.
            swept = [self._in_transaction(each) or 0 for each in (Check.sweep, HourlySum.sweep, Delivery.sweep, sweep_uses)]
            if not (self._remove_leftovers() + sum(swept)) or self._closing.wait(0.05):
                return

    def _remove_leftovers(self) -> int:
        deleted = self._reading(leftovers.left_by)
        return self._in_transaction(lambda session: leftovers.remove(session, deleted)) or 0 if deleted else 0

    def _reading(self, look: Callable[[Session], Found]) -> Found:
        """Look without the write lock, for what is mostly nothing."""
        with self._sessions.begin() as session:
            session.connection(execution_options=READ_ONLY)
            return look(session)

    def _in_transaction(self, act: Callable[[Session], int | None]) -> int | None:
        with self._sessions.begin() as session:
            return act(session)

    def work(self) -> None:
        """Do what is due, again and again."""
        while not self._closing.wait(self._patience.seconds or MAIL_SECONDS):
            self._patience.attempt(self._turn)

    def _turn(self) -> None:
        self._sender.send_due(self._sessions)
        send_mails(self._sessions, self._sender, self._site)
        if monotonic() - self._swept_at >= SWEEP_SECONDS:
            self.sweep()
            self._swept_at = monotonic()
