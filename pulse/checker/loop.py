"""The loop: claim what is due, have it probed, record what came of it."""

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic, sleep
from types import FrameType

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from pulse.addresses import AddressGuard
from pulse.checker.chores import Chores
from pulse.checker.delivering import Delivering
from pulse.checker.outages import Patience
from pulse.checker.probing import Probing
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import connect, is_outage
from pulse.mail import Sender
from pulse.models.claim import Claim, claim, next_due, release, renew, skip
from pulse.models.monitor_request import request_of
from pulse.models.recording import Result, record
from pulse.probe import Prober, Request
from pulse.vault import Unreadable, Vault

MOST_IN_HAND = 1000
CLAIMED_AT_ONCE = 200
RECORDED_AT_ONCE = 200
RECORDED_EVERY = 0.25
AHEAD = timedelta(seconds=0.5)
"""How long before its slot a monitor is claimed, so that its probe begins on time whatever the database does."""
LOOKS_APART = 0.2
"""For how long claims are gathered, so that many are made at once."""
LOOK_SECONDS = 1.0
"""How long a new monitor may wait to be noticed."""
RENEWED_EVERY = 1.0
"""How long a claim is held before its lease is renewed; most are done by then."""
TICK_SECONDS = 0.05
FINISH_SECONDS = 7.0
"""How long what is in hand may take when the checker is told to end; it all ends within 10."""

log = structlog.get_logger("pulse")


class Checker:
    """One checker. It is used once: `run` until it is stopped, or `run_once`."""

    def __init__(
        self, sessions: sessionmaker[Session], vault: Vault, prober: Prober[Claim], chores: Chores, delivering: Delivering
    ) -> None:
        self._sessions = sessions
        self._vault = vault
        self._probing = Probing(prober)
        self._chores = chores
        self._delivering = delivering
        self._patience = Patience("checks")
        self._held: dict[Claim, float] = {}
        """What is in hand, and when its lease is to be renewed."""
        self._results: list[Result] = []
        self._crowded: list[Claim] = []
        self._record_at = 0.0
        self._look_at = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Have `run` finish what is in hand and return; safe to call from a signal's handler and from other threads."""
        self._stopping = True

    def run(self) -> None:
        """Check what is due until `stop` is called. An outage of the database is waited out, any other failure raises."""
        log.info("checker_started")
        self._probing.start()
        self._chores.start()
        self._delivering.start()
        try:
            while not self._stopping:
                self._patience.attempt(self._turn)
                self._chores.check()
                self._delivering.check()
                self._rest(self._patience.seconds or TICK_SECONDS)
            self._finish(monotonic() + FINISH_SECONDS)
        finally:
            self._chores.close()
            self._delivering.close()
            self._probing.close()
        log.info("checker_stopped")

    def run_once(self) -> None:
        """Check everything that is due by now, do the chores, and return; raises when the database is away."""
        now = utcnow()
        self._probing.start()
        try:
            self._claim_due(now)
            while self._held:
                self._await_results()
                self._record_all()
                self._claim_due(now)
        finally:
            self._probing.close()
        self._chores.do_all()
        self._delivering.do_all()

    # --- steps -------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._collect()
        self._renew()
        self._let_pass()
        if self._has_batch():
            self._record_all()
            self._look_at = min(
                self._look_at, monotonic() + LOOKS_APART
            )  # What was recorded has its next slot now, perhaps a near one.
        if monotonic() >= self._look_at:
            self._claim_due(utcnow() + AHEAD)
            self._look_at = monotonic() + self._until_next_due()

    def _await_results(self) -> None:
        while self._held and not self._has_batch():
            sleep(TICK_SECONDS / 5)
            self._collect()
            self._renew()
            self._let_pass()

    def _renew(self) -> None:
        """Go on holding what takes longer, so that only what a dead checker held is taken from it."""
        now = monotonic()
        if ending := [each for each, at in self._held.items() if at <= now]:
            with self._sessions.begin() as session:
                renew(session, ending)
            self._held.update(dict.fromkeys(ending, now + RENEWED_EVERY))

    def _let_pass(self) -> None:
        """Let the slots pass whose target was crowded for too long."""
        self._crowded += self._probing.take_passed()
        if self._crowded:
            with self._sessions.begin() as session:
                skip(session, self._crowded)
            log.warning("target_crowded", checks=len(self._crowded))
            for each in self._crowded:
                self._held.pop(each, None)
            self._crowded.clear()

    def _collect(self) -> None:
        """Take over what the probing thread is done with."""
        for done, result in self._probing.take():
            if not self._results:
                self._record_at = monotonic() + RECORDED_EVERY
            self._held.pop(done, None)
            self._results.append(result)

    def _has_batch(self) -> bool:
        """Tell whether there are results enough to be written together, or some that have waited for others long enough."""
        return bool(self._results) and (len(self._results) >= RECORDED_AT_ONCE or monotonic() >= self._record_at)

    def _record_all(self) -> None:
        while batch := self._results[:RECORDED_AT_ONCE]:
            self._record(batch)
            del self._results[: len(batch)]

    def _record(self, batch: Sequence[Result]) -> None:
        try:
            with self._sessions.begin() as session:
                record(session, batch)
        except SQLAlchemyError as error:
            if is_outage(error):
                raise
            self._record_apart(batch, error)

    def _record_apart(self, batch: Sequence[Result], error: SQLAlchemyError) -> None:
        """Find the result that the database does not take, so that it costs nothing but itself."""
        if len(batch) > 1:
            for each in batch:
                self._record([each])
        else:
            log.error("result_dropped", monitor=batch[0].monitor_id, exc_info=error)

    def _claim_due(self, until: datetime) -> None:
        """Claim what is due by then, as far as there is room."""
        while self._claim(until) == CLAIMED_AT_ONCE:
            pass

    def _claim(self, until: datetime) -> int:
        """Claim a batch and hand it on; return how many there were."""
        room = min(CLAIMED_AT_ONCE, MOST_IN_HAND - len(self._held) - len(self._results))
        if room <= 0:
            return 0
        with self._sessions.begin() as session:
            claims = claim(session, room, until)
        unable = [each for each in claims if not self._begin(each)]
        if unable:
            with self._sessions.begin() as session:
                skip(session, unable)
        return len(claims)

    def _begin(self, claimed: Claim) -> bool:
        request = self._request(claimed)
        if request is None:
            return False
        self._held[claimed] = monotonic() + RENEWED_EVERY
        self._probing.add(claimed, request)
        return True

    def _request(self, claimed: Claim) -> Request | None:
        try:
            return request_of(claimed.asked, self._vault)
        except (Unreadable, ValueError) as error:
            log.exception("check_impossible", monitor=claimed.monitor_id, exc_info=error)
            return None

    def _until_next_due(self) -> float:
        with self._sessions.begin() as session:
            session.connection(execution_options={"sqlite_begin": "DEFERRED"})
            due = next_due(session)
        return LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(LOOKS_APART, (due - utcnow() - AHEAD).total_seconds()))

    def _rest(self, seconds: float) -> None:
        until = monotonic() + seconds
        while not self._stopping and (left := until - monotonic()) > 0:
            sleep(min(left, TICK_SECONDS))

    def _finish(self, until: float) -> None:
        """Record what ends in time, and give back what does not: another checker, or the next start, takes it up at once."""
        while (self._held or self._results) and monotonic() < until:
            self._collect()
            if not self._patience.attempt(self._close_up):
                sleep(min(self._patience.seconds, max(0.0, until - monotonic())))
            sleep(TICK_SECONDS)
        if self._held:
            self._patience.attempt(self._give_back)
        if self._results:
            log.error("results_lost", results=len(self._results))

    def _close_up(self) -> None:
        self._renew()
        self._record_all()

    def _give_back(self) -> None:
        with self._sessions.begin() as session:
            release(session, self._held)


def run(settings: Settings) -> None:
    """Run a checker until the process is told to end."""
    with _made(settings) as checker:

        def told_to_end(_number: int, _frame: FrameType | None) -> None:
            checker.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, told_to_end)
        checker.run()


def run_once(settings: Settings) -> None:
    """Check everything that is due, send what is queued, and return; raises when the database is away."""
    with _made(settings) as checker:
        checker.run_once()


@contextmanager
def _made(settings: Settings) -> Generator[Checker]:
    """Build the checker that the settings describe."""
    engine = connect(settings.database)
    vault = Vault(settings.secret, *settings.former_secrets)
    try:
        sessions, guard = sessionmaker(engine), AddressGuard(settings.allowed_networks)
        chores = Chores(sessions, Sender.of(settings), settings.site)
        yield Checker(sessions, vault, Prober(guard), chores, Delivering(sessions, vault, Prober(guard), settings.site))
    finally:
        engine.dispose()
