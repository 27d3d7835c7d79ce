"""Monitors: a URL that is requested on an interval, and how it does.

What must be sent but nobody may read again (header values, body, credentials) is sealed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, Select, String, case, func, literal_column, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pulse import names
from pulse.addresses import AddressGuard
from pulse.clock import utcnow
from pulse.db import NEVER_REUSED, Base, BigId, DbSession, UTCDateTime
from pulse.models.event import SYSTEM, About, Actor, Event
from pulse.models.grid import anchor_of, next_slot
from pulse.models.hold import hold
from pulse.models.monitor_fields import CLEARED, MonitorFields, check_fields
from pulse.models.monitor_request import Asked, asked_of, changes, request_of, sealed_auth, sealed_headers
from pulse.models.monitor_secrets import check_kept
from pulse.models.project import Project
from pulse.models.refusals import Conflict, Faults, Invalid, LimitReached
from pulse.probe import Request
from pulse.vault import Vault

if TYPE_CHECKING:
    from pulse.models.team import Team


GONE = "This monitor was already deleted."
GONE_MEANWHILE = "This monitor was deleted while it was being checked."
SOON = timedelta(seconds=60)
"""Within which time a change is followed by a check, where the interval is longer."""


class State(StrEnum):
    """How a monitor does; pending as long as it has no check."""

    UP = "up"
    DOWN = "down"
    PAUSED = "paused"
    PENDING = "pending"


def _spelled(state: State) -> ColumnElement[str]:
    """Return a state as part of a statement: sent beside it, each of them would be bound anew each time."""
    return literal_column(f"'{state.value}'", String)


UNASKED = {"name", "project_id", "external_id"}
"""Fields that no check knows."""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """A monitor's newest check, kept beside it: a list of monitors reads no checks."""

    id: int
    monitor_id: int
    type: str
    status: Literal["up", "down"]
    http_status_code: int | None
    response_time_ms: int | None
    error: str | None
    checked_at: datetime


class Monitor(Base):
    """One monitor. It is its own place in the queue of checks: due at `next_check_at`, held by a lease while it is checked."""

    __tablename__ = "monitors"
    __table_args__ = (
        Index("uq_monitors_external_id", "team_id", "external_id", unique=True),
        Index("ix_monitors_team_id_name_folded_id", "team_id", "name_folded", "id"),
        Index("ix_monitors_next_check_at", "next_check_at"),
        Index("ix_monitors_project_id", "project_id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    external_id: Mapped[str | None]
    """The client's own name for it, unique in the team."""
    name: Mapped[str]
    name_folded: Mapped[str]

    url: Mapped[str]
    method: Mapped[str]
    interval_seconds: Mapped[int]
    timeout_seconds: Mapped[int]
    expected_status: Mapped[int]
    verify_tls: Mapped[bool]
    header_names: Mapped[list[str]] = mapped_column(JSON)
    headers_sealed: Mapped[bytes | None]
    body_sealed: Mapped[bytes | None]
    auth_type: Mapped[str]
    auth_sealed: Mapped[bytes | None]

    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    anchored_at: Mapped[datetime] = mapped_column(UTCDateTime)
    """Where the grid of its slots begins."""
    next_check_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """The slot that is due next; None when paused. It moves on when the slot's check is recorded, not before."""
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """Until when a checker holds it."""
    fence: Mapped[int] = mapped_column(default=0)
    """Counts claims, pauses and changes: a result that comes with an older number is of no interest any more."""

    failures: Mapped[int] = mapped_column(default=0)
    """Failed checks in a row; 0 after a good one."""
    successes: Mapped[int] = mapped_column(default=0)
    """Good checks in a row; 0 after a failed one."""
    last_check_id: Mapped[int | None]
    last_type: Mapped[str | None]
    last_up: Mapped[bool | None]
    last_http_status_code: Mapped[int | None]
    last_response_time_ms: Mapped[int | None]
    last_error: Mapped[str | None]
    last_checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    certificate_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    """When the certificate ends that was seen last."""
    certificate_read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    team: Mapped["Team"] = relationship()
    project: Mapped[Project] = relationship()

    # --- finding -----------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, team_id: int, *, state: str | None = None, project_id: int | None = None, q: str | None = None) -> Select[Self]:
        """Return the query for a team's monitors by name; `q` is looked for in name and URL."""
        query = select(cls).where(cls.team_id == team_id).order_by(cls.name_folded, cls.id)
        if state is not None:
            query = query.where(cls.state == state)
        if project_id is not None:
            query = query.where(cls.project_id == project_id)
        if q is not None:
            # A URL is stored in ASCII; of the two databases one would tell its cases apart, the other not.
            url = func.lower(cls.url).contains(q.lower(), autoescape=True)
            query = query.where(cls.name_folded.contains(names.fold(q), autoescape=True) | url)
        return query

    @classmethod
    def find(cls, session: DbSession, team_id: int, monitor_id: int) -> "Monitor | None":
        """Return a team's monitor; another team's is not found."""
        return session.scalar(select(cls).where(cls.id == monitor_id, cls.team_id == team_id))

    @classmethod
    def find_external(cls, session: DbSession, team_id: int, external_id: str) -> "Monitor | None":
        """Return the monitor with the client's own name for it."""
        return session.scalar(select(cls).where(cls.team_id == team_id, cls.external_id == external_id))

    @classmethod
    def count(cls, session: DbSession, team_id: int, *, running: bool = False) -> int:
        """Return how many monitors a team has; only those not paused, if `running`."""
        query = select(func.count()).where(cls.team_id == team_id)
        return session.scalar(query.where(cls.paused_at.is_(None)) if running else query) or 0

    @classmethod
    def counts(cls, session: DbSession, team_id: int | None = None) -> dict[State, int]:
        """Return how many of a team's monitors, or of all, are in each state."""
        # Grouped by its name: as an expression it would be another one, with parameters of its own.
        query = select(cls.state.label("state"), func.count()).group_by("state")
        rows = session.execute(query if team_id is None else query.where(cls.team_id == team_id))
        found = {row[0]: row[1] for row in rows}
        return {state: found.get(state.value, 0) for state in State}

    # --- the life of a monitor ---------------------------------------------------------------------------------

    @classmethod
    def create(
        cls, session: DbSession, team: "Team", fields: MonitorFields, *, vault: Vault, guard: AddressGuard, by: Actor
    ) -> "Monitor":
        """Make a monitor that is due at once; raises `Faults`, `LimitReached` and `Conflict` (its external id is taken).

        The plan's limit holds under parallel creates, because those of one team wait for each other.
        """
        team.hold(session)
        now = utcnow()
        monitor = cls(team_id=team.id, created_at=now, updated_at=now, anchored_at=now, next_check_at=now)
        values = monitor._checked(session, team, CLEARED | fields, guard)
        if cls.count(session, team.id) >= (most := team.plan.limits.monitors):
            raise LimitReached(
                f"The {team.plan.label} plan includes {most} monitors, and all are in use. {team.plan.room('Delete one')}", most
            )
        monitor._write(values, vault)
        session.add(monitor)
        session.flush()
        monitor.anchored_at = anchor_of(monitor.id, monitor.interval_seconds, now)
        monitor._note(session, "monitor.created", by)
        return monitor

    def change(self, session: DbSession, fields: MonitorFields, *, vault: Vault, guard: AddressGuard, by: Actor) -> None:
        """Write the fields that are given; raises `Faults` and `Conflict`. A result on its way is dropped if it was asked
        of what the monitor was before; `_reschedule` says when the next check comes.
        """
        self.team.hold(session)
        self._hold(session)
        values = changes(self, self._checked(session, self.team, fields, guard), vault)
        if not values:
            return
        self._write(values, vault)
        self.updated_at = utcnow()
        if asked := values.keys() - UNASKED:
            self._reschedule(drop=asked != {"interval_seconds"})
        self._note(session, "monitor.changed", by, fields=sorted(values))

    def replace(self, session: DbSession, fields: MonitorFields, *, vault: Vault, guard: AddressGuard, by: Actor) -> None:
        """Write the whole monitor: what is absent is cleared, but for the external id; raises as `change` does."""
        whole = CLEARED | fields
        whole["external_id"] = fields.get("external_id", self.external_id)
        self.change(session, whole, vault=vault, guard=guard, by=by)

    def pause(self, session: DbSession, by: Actor) -> None:
        """Stop its checks; one that is on its way is dropped, open incidents stay open. Doing it twice is harmless."""
        self._hold(session)
        if self.paused_at is None:
            self.paused_at = self.updated_at = utcnow()
            self._reschedule(drop=True)
            self._note(session, "monitor.paused", by)

    def resume(self, session: DbSession, by: Actor) -> None:
        """Return to the schedule; raises `LimitReached` where the plan has no room. Doing it twice is harmless."""
        self.team.hold(session)
        self._hold(session)
        if self.paused_at is None:
            return
        plan = self.team.plan
        if self.count(session, self.team_id, running=True) >= (most := plan.limits.monitors):
            told = f"The {plan.label} plan includes {most} monitors, and that many are already running."
            raise LimitReached(f"{told} {plan.room('Pause one')}", most)
        self.paused_at, self.updated_at = None, utcnow()
        self._reschedule(drop=True)
        self._note(session, "monitor.resumed", by)

    def delete(self, session: DbSession, by: Actor) -> None:
        """Remove it with its checks and incidents; raises `Conflict` when that has happened already."""
        self._hold(session)
        self._note(session, "monitor.deleted", by)
        session.delete(self)
        session.flush()

    @classmethod
    def fit(cls, session: DbSession, team: "Team") -> None:
        """Bring a team's monitors within its plan: intervals rise, and of those running too many the newest are paused."""
        query = select(cls).where(cls.team_id == team.id).order_by(cls.id).with_for_update(key_share=True, of=cls)
        monitors = session.scalars(query.execution_options(populate_existing=True)).all()
        for monitor in monitors:
            monitor.slow_down(team.plan.limits.shortest_interval)
        for monitor in [each for each in monitors if each.paused_at is None][team.plan.limits.monitors :]:
            monitor.pause(session, SYSTEM)
        session.flush()

    def slow_down(self, shortest_interval: int) -> None:
        """Raise its interval to the shortest one that a plan includes, in seconds."""
        if self.interval_seconds < shortest_interval:
            self.interval_seconds = shortest_interval
            self._reschedule(drop=False)

    # --- what it is --------------------------------------------------------------------------------------------

    @hybrid_property
    def state(self) -> str:
        """Its `State`, in Python and in queries."""
        if self.paused_at is not None:
            return State.PAUSED
        if self.last_up is None:
            return State.PENDING
        return State.UP if self.last_up else State.DOWN

    @state.inplace.expression
    @classmethod
    def _state(cls) -> ColumnElement[str]:
        return case(
            (cls.paused_at.is_not(None), _spelled(State.PAUSED)),
            (cls.last_up.is_(None), _spelled(State.PENDING)),
            (cls.last_up.is_(True), _spelled(State.UP)),
            else_=_spelled(State.DOWN),
        )

    @property
    def has_body(self) -> bool:
        """Whether a request body is stored."""
        return self.body_sealed is not None

    @property
    def last_check(self) -> LastCheck | None:
        """Its newest check, without a query."""
        if self.last_check_id is None or self.last_checked_at is None:
            return None
        return LastCheck(
            id=self.last_check_id,
            monitor_id=self.id,
            type=self.last_type or "",
            status="up" if self.last_up else "down",
            http_status_code=self.last_http_status_code,
            response_time_ms=self.last_response_time_ms,
            error=self.last_error,
            checked_at=self.last_checked_at,
        )

    def request(self, vault: Vault) -> Request:
        """Return what a probe asks for; raises `Unreadable` when the secret it was sealed under is gone."""
        return request_of(self, vault)

    def hold_unchanged(self, session: DbSession, asked: Asked) -> None:
        """Keep it until the transaction ends; raises `Conflict` where probes do not ask what they `asked` any more.

        A result of former settings says nothing of the monitor as it is now.
        """
        hold(session, self, GONE_MEANWHILE, key_share=True)
        if asked_of(self) != asked:
            raise Conflict("This monitor was changed while it was being checked. Check it again.")

    # --- steps -------------------------------------------------------------------------------------------------

    def _hold(self, session: DbSession) -> None:
        hold(session, self, GONE, key_share=True)

    def _checked(self, session: DbSession, team: "Team", fields: MonitorFields, guard: AddressGuard) -> dict[str, Any]:
        values, faults = check_fields(fields, team.plan, guard, method=self.method or "GET")
        faults += check_kept(self, values, fields.keys())
        if "project_id" in values:
            try:
                values["project_id"] = _project_id(session, team.id, values["project_id"])
            except Invalid as fault:
                faults.append(fault)
        if faults:
            raise Faults(faults)
        taken = values.get("external_id")
        if taken is not None and (twin := self.find_external(session, team.id, taken)) and twin.id != self.id:
            raise Conflict(f"Another monitor in this team already has the external id {taken}.")
        return values

    def _write(self, values: dict[str, Any], vault: Vault) -> None:
        for field, value in values.items():
            match field:
                case "name":
                    self.name, self.name_folded = value, names.fold(value)
                case "headers":
                    self.header_names, self.headers_sealed = list(value), sealed_headers(value, vault)
                case "body":
                    self.body_sealed = vault.seal(value) if value else None
                case "auth":
                    self.auth_type, self.auth_sealed = sealed_auth(value, vault)
                case _:
                    setattr(self, field, value)

    def _reschedule(self, *, drop: bool) -> None:
        """Find the next slot after a change; with `drop`, the result that is on its way is of no interest any more.

        The next check comes at the next slot of the grid, or `SOON` after the change where that is earlier, and further
        changes do not put it off. A slot that waits for a checker stays; one whose check is on its way is used up, and not
        due again. So whatever is changed how often, there is no more than a check each interval, and one each `SOON`.
        """
        now, slot = utcnow(), self.next_check_at
        is_held = slot is not None and self.lease_until is not None and self.lease_until > now
        if drop:
            self.fence, self.lease_until = self.fence + 1, None
        if self.paused_at is not None:
            self.next_check_at = None
        elif slot is None:
            self.next_check_at = next_slot(self.anchored_at, self.interval_seconds, now)
        elif is_held and drop:
            self.next_check_at = min(next_slot(self.anchored_at, self.interval_seconds, max(now, slot)), now + SOON)
        elif not is_held and slot > now:
            self.next_check_at = min(next_slot(self.anchored_at, self.interval_seconds, now), now + SOON, slot)

    def _note(self, session: DbSession, action: str, by: Actor, **detail: Any) -> None:
        about = About(by.user_id, self.team_id, monitor_id=self.id, detail={"name": self.name} | detail)
        Event.record(session, action, by, about)
        session.flush()


def _project_id(session: DbSession, team_id: int, project_id: int | None) -> int:
    if project_id is None:
        return Project.default_of(session, team_id).id
    project = Project.find(session, team_id, project_id)
    if project is None:
        raise Invalid("project_id", "Choose one of the team's projects.")
    return project.id
