"""How many of a kind are at work at once, counted over all processes because each turn is a row."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete

from pulse.clock import utcnow
from pulse.db import DbSession, insert_into
from pulse.models.throttle import Throttle

TAKEN_AT = datetime(1970, 1, 1, tzinfo=UTC)
"""The same in every turn's row: a turn is known by its subject alone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One of a limited number of turns. Among the counts of attempts it is a row that ends, so that the same sweep removes it."""

    subject: bytes
    ends_at: datetime

    @classmethod
    def take(cls, session: DbSession, most: int, seconds: float, *subject: str) -> "Turn | None":
        """Take one of the `most` turns of `subject`, if one is free; commit at once, before the work.

        One that is never given back, because its process died, is free again after `seconds`.
        """
        ends_at = utcnow() + timedelta(seconds=seconds)
        turns = (cls(_digest(subject, number), ends_at) for number in range(most))
        return next((turn for turn in turns if turn.occupy(session)), None)

    def occupy(self, session: DbSession) -> bool:
        """Take this very turn, if it is free, and tell whether it was."""
        row = insert_into(session, Throttle).values(subject=self.subject, started_at=TAKEN_AT, ends_at=self.ends_at, attempts=1)
        taken = row.on_conflict_do_update(
            index_elements=[Throttle.subject, Throttle.started_at],
            set_={"ends_at": self.ends_at},
            where=Throttle.ends_at <= utcnow(),
        ).returning(Throttle.subject)
        return session.execute(taken).first() is not None

    def give_back(self, session: DbSession) -> None:
        """Let another have it; one that ran out and is another's now stays theirs."""
        mine = (Throttle.subject == self.subject, Throttle.started_at == TAKEN_AT, Throttle.ends_at == self.ends_at)
        session.execute(delete(Throttle).where(*mine))


def _digest(subject: tuple[str, ...], number: int) -> bytes:
    return sha256("\0".join(("turn", *subject, str(number))).encode("utf-8")).digest()
