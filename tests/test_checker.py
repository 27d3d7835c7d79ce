"""The checker: probes real servers when they are due, and survives what happens to it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep
from typing import TypeVar

import pytest
from sqlalchemy import or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from pulse.addresses import AddressGuard
from pulse.checker import Checker, Chores, Delivering, run_once
from pulse.clock import utcnow
from pulse.config import Settings
from pulse.db import connect
from pulse.extensions import db, services
from pulse.mail import FileOutbox, Sender
from pulse.models.check import Check
from pulse.models.hourly_sum import HourlySum
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.outbox import Message
from pulse.models.session import BrowserSession
from pulse.plans import Plan
from pulse.probe import Prober
from pulse.vault import Vault
from tests import helpers
from tests.monitors import GOOD, check, make_due, make_monitor
from tests.targets import hanging, replying, serve

T = TypeVar("T")
SITE = "https://pulse.example.com"


class Workshop:
    """Makes checkers on the database of the test, as many as are wanted."""

    def __init__(self, settings: Settings, folder) -> None:
        self.engine = connect(settings.database)
        self.sessions = sessionmaker(self.engine)
        self.guard = services().guard
        self.vault = services().vault
        self.sender = Sender(FileOutbox(folder), "pulse@example.com", "example.com")

    def checker(self, **parts) -> Checker:
        """Make one; parts of it may be others than usual."""
        prober = parts.get("prober") or Prober(self.guard)
        sessions, vault = parts.get("sessions", self.sessions), parts.get("vault", self.vault)
        delivering = Delivering(sessions, vault, Prober(self.guard), SITE)
        return Checker(sessions, vault, prober, Chores(sessions, parts.get("sender", self.sender), SITE), delivering)

    def once(self, **parts) -> None:
        self.checker(**parts).run_once()
        db.session.rollback()

    @contextmanager
    def running(self, count: int = 1, **parts) -> Generator[list[Checker]]:
        checkers = [self.checker(**parts) for _ in range(count)]
        threads = [Thread(target=each.run) for each in checkers]
        for thread in threads:
            thread.start()
        try:
            yield checkers
        finally:
            for each in checkers:
                each.stop()
            for thread in threads:
                thread.join(15)
        assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def workshop(app, settings, tmp_path) -> Generator[Workshop]:
    made = Workshop(settings, tmp_path)
    yield made
    made.engine.dispose()


def eventually(look: Callable[[], object]) -> None:
    helpers.eventually(lambda: seen(look))


def seen(look: Callable[[], T]) -> T:
    """Look at the database as it is now, and let go of it: on SQLite a transaction keeps all others waiting."""
    db.session.rollback()
    try:
        return look()
    finally:
        db.session.rollback()


def results(monitor: Monitor) -> list[tuple[str, str]]:
    return seen(lambda: [(each.type, each.error or each.status) for each in db.session.scalars(Check.of(monitor.id))][::-1])


def test_a_target_that_fails_opens_an_incident_and_one_that_recovers_closes_it(alice, workshop, tmp_path):
    with serve(replying(503)) as target:
        monitor = make_monitor(alice, url=target.url)
        states = []
        for behaviour in (replying(503), replying(503), replying(200), replying(200)):
            target.behaviour = behaviour
            make_due(monitor)
            workshop.once()
            (incident,) = db.session.scalars(select(Incident)).all() or [None]
            states.append((monitor.state, incident and incident.status))
            db.session.rollback()

    assert states == [("down", None), ("down", "open"), ("up", "open"), ("up", "resolved")]
    assert results(monitor) == [("scheduled", "unexpected_status")] * 2 + [("scheduled", "up")] * 2
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_what_a_monitor_asks_for_is_what_is_sent(alice, workshop):
    with serve(replying(201)) as target:
        monitor = make_monitor(
            alice,
            url=target.url + "path?a=b",
            method="POST",
            expected_status=201,
            headers={"X-Own": "value"},
            body="größe",
            auth={"type": "bearer", "token": "secret-token"},
        )

        workshop.once()

    (request,) = target.requests
    assert (request.method, request.path, request.body) == ("POST", "/path?a=b", "größe".encode())
    assert (request.headers["x-own"], request.headers["authorization"]) == ("value", "Bearer secret-token")
    assert monitor.state == "up"


def test_nothing_private_is_contacted_unless_it_was_opened(alice, workshop):
    with serve(replying(200)) as target:
        monitor = make_monitor(alice, url=target.url)

        workshop.once(prober=Prober(AddressGuard()))

    assert target.hits == 0
    assert results(monitor) == [("scheduled", "forbidden_address")]


def test_once_checks_everything_due_and_nothing_else(alice, workshop):
    alice.set_plan(Plan.TEAM)
    with serve(replying(200)) as target:
        due = [make_monitor(alice, name=f"M{number}", url=target.url) for number in range(130)]
        paused, later = due[0], due[1]
        paused.pause(db.session, alice.actor)
        make_due(later, at=utcnow() + timedelta(minutes=1))

        workshop.once()

    assert target.hits == 128
    assert (paused.last_check, later.last_check) == (None, None)
    assert {each.state for each in due[2:]} == {"up"}
    assert all(each.next_check_at == each.anchored_at + timedelta(minutes=1) for each in due[2:])


def test_a_new_monitor_is_checked_within_a_moment_and_then_on_its_grid(alice, workshop):
    alice.set_plan(Plan.TEAM)
    with serve(replying(200)) as target, workshop.running():
        monitor = make_monitor(alice, url=target.url, interval_seconds=5)
        eventually(lambda: target.hits == 1)
        eventually(lambda: target.hits == 2)
        eventually(lambda: len(results(monitor)) == 2)

    first, second = db.session.scalars(Check.of(monitor.id)).all()[::-1]
    due = monitor.anchored_at + timedelta(seconds=5)
    assert (first.slot, second.slot) == (monitor.created_at, due)
    assert second.checked_at >= due


def test_two_checkers_share_the_work_and_double_nothing(alice, workshop):
    alice.set_plan(Plan.TEAM)
    with serve(replying(200)) as target:
        monitors = [make_monitor(alice, name=f"M{number}", url=f"{target.url}{number}") for number in range(200)]

        with workshop.running(2):
            eventually(lambda: len(db.session.scalars(select(Check.id)).all()) == 200)

    asked = Counter(each.path for each in target.requests)
    assert len(asked) == 200
    assert set(asked.values()) == {1}
    assert all(results(each) == [("scheduled", "up")] for each in monitors[::50])


def test_targets_that_hang_delay_no_other(alice, workshop):
    alice.set_plan(Plan.TEAM)
    with serve(hanging()) as slow, serve(replying(200)) as target, workshop.running():
        hung = [make_monitor(alice, name=f"S{number}", url=slow.url, timeout_seconds=1) for number in range(100)]
        eventually(lambda: slow.hits == 100)
        well = make_monitor(alice, url=target.url)
        eventually(lambda: results(well))
        eventually(lambda: all(results(each) for each in hung[::20]))

    assert results(well) == [("scheduled", "up")]
    assert all(results(each) == [("scheduled", "timeout")] for each in hung)


def test_one_target_is_never_asked_by_more_than_a_few_at_once(alice, workshop, monkeypatch):
    alice.set_plan(Plan.TEAM)
    monkeypatch.setattr("pulse.checker.crowd.MOST_TO_ONE_TARGET", 3)
    with serve(replying(200, delay=0.3)) as target:
        monitors = [make_monitor(alice, name=f"M{number}", url=target.url) for number in range(12)]
        workshop.once()

    assert target.most_at_once == 3
    assert [len(results(each)) for each in monitors] == [1] * 12


def test_one_teams_probes_leave_room_for_the_others(alice, charlie, workshop, monkeypatch):
    monkeypatch.setattr("pulse.checker.crowd.MOST_FOR_ONE_TEAM", 2)
    monkeypatch.setattr("pulse.checker.probing.PATIENCE_SECONDS", 0.4)
    with serve(hanging()) as slow, serve(replying(200)) as quick:
        crowded = [make_monitor(alice, name=f"M{number}", url=slow.url, timeout_seconds=1) for number in range(4)]
        other = make_monitor(charlie, url=quick.url)
        workshop.once()

    assert results(other) == [("scheduled", "up")]
    assert sorted(results(each) for each in crowded) == [[], [], [("scheduled", "timeout")], [("scheduled", "timeout")]]
    db.session.rollback()
    held = db.session.scalars(select(Monitor.id).where(or_(Monitor.next_check_at <= utcnow(), Monitor.lease_until.is_not(None))))
    assert held.all() == []


def test_a_monitor_deleted_while_it_is_checked_is_no_trouble(alice, workshop):
    with serve(hanging()) as slow, serve(replying(200)) as target, workshop.running():
        gone = make_monitor(alice, url=slow.url, timeout_seconds=1)
        eventually(lambda: slow.hits == 1)
        gone.delete(db.session, alice.actor)
        db.session.commit()
        sleep(1.5)
        well = make_monitor(alice, url=target.url)
        eventually(lambda: results(well))

    assert len(db.session.scalars(select(Check)).all()) == 1


def test_a_monitor_whose_secret_is_lost_is_passed_over(alice, workshop, capfd):
    with serve(replying(200)) as target:
        lost = make_monitor(alice, url=target.url, headers={"X-Own": "value"})
        well = make_monitor(alice, url=target.url)

        workshop.once(vault=Vault("another secret"))

    assert (lost.state, well.state, target.hits) == ("pending", "up", 1)
    assert lost.next_check_at == lost.anchored_at + timedelta(minutes=1)
    assert "check_impossible" in capfd.readouterr().out


class Flaky:
    """Sessions on a database that is away as often as it is told to be."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.away = 0

    def begin(self):
        if self.away:
            self.away -= 1
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))
        return self.sessions.begin()


def test_an_outage_of_the_database_is_waited_out_and_loses_nothing(alice, workshop, capfd):
    flaky = Flaky(workshop.sessions)
    with serve(replying(200)) as target, workshop.running(sessions=flaky):
        monitor = make_monitor(alice, url=target.url, timeout_seconds=5)
        eventually(lambda: target.hits == 1)
        flaky.away = 3
        eventually(lambda: results(monitor))

    assert results(monitor) == [("scheduled", "up")]
    assert "database_unavailable" in capfd.readouterr().out


def test_a_failure_that_will_not_pass_ends_the_checker(workshop):
    def broken() -> None:
        raise LookupError("a fault of ours")

    sessions = Flaky(workshop.sessions)
    sessions.begin = broken

    with pytest.raises(LookupError):
        workshop.checker(sessions=sessions).run()


def test_a_fault_of_the_chores_ends_the_checker_too(workshop):
    class Broken:
        def send_due(self, _) -> int:
            raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        workshop.checker(sender=Broken()).run()


def test_a_result_the_database_does_not_take_costs_no_other(alice, workshop, capfd):
    with serve(replying(200)) as target:
        bad, good = make_monitor(alice, name="A", url=target.url), make_monitor(alice, name="B", url=target.url)
        trouble = Trouble(workshop.engine, seen(lambda: bad.id))

        with trouble:
            workshop.once()

    assert (results(bad), results(good)) == ([], [("scheduled", "up")])
    assert "result_dropped" in capfd.readouterr().out


class Trouble:
    """Has the database refuse the checks of one monitor."""

    def __init__(self, engine, monitor_id: int) -> None:
        self.engine, self.monitor_id = engine, monitor_id

    def __enter__(self) -> None:
        with self.engine.begin() as connection:
            for statement in self._statements():
                connection.exec_driver_sql(statement)

    def __exit__(self, *_) -> None:
        with self.engine.begin() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("DROP TRIGGER trouble")
            else:
                connection.exec_driver_sql("ALTER TABLE checks DROP CONSTRAINT trouble")

    def _statements(self) -> list[str]:
        if self.engine.dialect.name == "sqlite":
            refuse = "SELECT RAISE(ABORT, 'trouble');"
            return [f"CREATE TRIGGER trouble BEFORE INSERT ON checks WHEN new.monitor_id = {self.monitor_id} BEGIN {refuse} END"]
        return [f"ALTER TABLE checks ADD CONSTRAINT trouble CHECK (monitor_id <> {self.monitor_id})"]


def test_old_checks_and_sessions_that_ran_out_are_swept(alice, workshop):
    check(make_monitor(alice), GOOD, GOOD, at=utcnow() - timedelta(days=91))
    BrowserSession.open(db.session, alice.user, alice.actor)
    db.session.commit()
    db.session.execute(update(BrowserSession).values(last_seen_at=utcnow() - timedelta(days=15)))
    db.session.commit()

    Chores(workshop.sessions, workshop.sender, SITE).sweep()

    db.session.rollback()
    assert db.session.scalars(select(Check)).all() == []
    assert db.session.scalars(select(BrowserSession)).all() == []


def test_what_a_deleted_monitor_leaves_is_cleared_up(workshop, alice):
    monitor = make_monitor(alice)
    check(monitor, *[GOOD] * 3)
    monitor.delete(db.session, alice.actor)
    db.session.commit()

    Chores(workshop.sessions, workshop.sender, SITE).sweep()

    db.session.rollback()
    assert db.session.scalars(select(Check)).all() == []
    assert db.session.scalars(select(HourlySum)).all() == []


def test_queued_mail_goes_out_within_a_moment(workshop, tmp_path):
    with workshop.running():
        Message.queue(db.session, "alice@example.com", "Hello", "A body.")
        db.session.commit()
        eventually(lambda: list(tmp_path.glob("*.eml")))

    assert db.session.scalars(select(Message)).all() == []


@pytest.fixture
def process(app, settings) -> Generator[subprocess.Popen[bytes]]:
    """A checker as a process of its own."""
    surroundings = os.environ | {
        "PULSE_DATA": str(settings.data),
        "PULSE_DATABASE_URL": settings.database,
        "PULSE_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    run = "from pulse.checker import run; from pulse.config import Settings; run(Settings())"
    with subprocess.Popen([sys.executable, "-W", "error", "-c", run], env=surroundings) as started:
        yield started
        started.kill()


def test_a_checker_told_to_end_finishes_what_is_in_hand_and_gives_back_the_rest(alice, process):
    with serve(hanging()) as endless, serve(hanging()) as slow:
        given_back = make_monitor(alice, url=endless.url, timeout_seconds=60)
        finished = make_monitor(alice, url=slow.url, timeout_seconds=3)
        eventually(lambda: slow.hits and endless.hits)

        told_at = monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(15)
        took = monotonic() - told_at

    db.session.rollback()
    assert (code, took < 10) == (0, True)
    assert results(finished) == [("scheduled", "timeout")]
    assert results(given_back) == []
    assert (given_back.lease_until, given_back.next_check_at) == (None, given_back.created_at)


def test_a_checker_that_is_killed_loses_no_slot(alice, process, workshop):
    with serve(hanging()) as target:
        monitor = make_monitor(alice, url=target.url, timeout_seconds=60)
        eventually(lambda: target.hits == 1)
        process.kill()
        process.wait(5)
        target.behaviour = replying(200)
        workshop.once()
        while_leased = results(monitor)

        with workshop.running():
            eventually(lambda: results(monitor))

    assert while_leased == []
    db.session.rollback()
    assert [each.slot for each in db.session.scalars(Check.of(monitor.id))] == [monitor.created_at]


def test_a_check_that_takes_longer_than_a_lease_stays_with_its_checker(alice, process, workshop):
    assert process.poll() is None
    with serve(hanging()) as target:
        monitor = make_monitor(alice, url=target.url, timeout_seconds=6, interval_seconds=60)
        with workshop.running():
            eventually(lambda: results(monitor))

    assert results(monitor) == [("scheduled", "timeout")]
    assert target.hits == 1


def test_run_once_works_from_the_settings_alone(alice, settings):
    with serve(replying(200)) as target:
        monitor = make_monitor(alice, url=target.url)

        run_once(settings)

    assert results(monitor) == [("scheduled", "up")]
