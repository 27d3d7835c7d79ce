"""Notices on their way to their channels: webhooks and Slack by HTTP, side by side; mail one after the other.

A channel gets one at a time. What fails waits longer after each try, for a day; no transaction is open while a peer is spoken to.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog
from limits import parse
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from pulse.checker import wording
from pulse.checker.outages import Patience
from pulse.checker.worker import Worker
from pulse.clock import utcnow
from pulse.mail import FOR_GOOD, Sender
from pulse.models.channel import OWNER, Channel, ChannelType
from pulse.models.delivery import Delivery
from pulse.models.email import fold_email
from pulse.models.outbox import Letter
from pulse.models.team import Membership, Team
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.probe import Outcome, Prober, Request
from pulse.roles import Role
from pulse.vault import Unreadable, Vault

MOST_AT_ONCE = 200
SHARE = 10
"""How many of those may be one team's: its peers may hang, and the others' notices go out all the same."""
TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 0.5
WAIT_SECONDS = 0.2
LONGEST_TURN_SECONDS = 5.0
"""For how long mails are sent before the sender looks up again."""

MAILS = parse("60 per hour")
"""Mails to one address: it may belong to somebody who never asked for them. What is more waits, and is not lost."""

log = structlog.get_logger("pulse")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notice with all that is needed to hand it over."""

    delivery: Delivery
    channel: Channel
    fault: str | None
    """Why it can never be, as when the plan does not include the channel any more."""
    recipient: str = ""


class Delivering(Worker):
    """Hands notices over by HTTP; what is not handed over yet at the end is tried again."""

    name = "deliveries"

    def __init__(self, sessions: sessionmaker[Session], vault: Vault, prober: Prober[int], site: str) -> None:
        super().__init__()
        self._sessions = sessions
        self._vault = vault
        self._prober = prober
        self._site = site
        self._flying: dict[int, Parcel] = {}
        self._outcomes: dict[int, Outcome] = {}
        """Of those, what has come of the tries."""
        self._look_at = 0.0
        self._patience = Patience("deliveries")

    def do_all(self) -> None:
        """Hand over everything that is due by now, on the caller's thread; what fails is not tried again here."""
        now = utcnow()
        self._take_up(now)
        while self._flying:
            self._poll()
            self._take_up(now)
        self._prober.close()

    def work(self) -> None:
        """Hand over what is due, again and again."""
        try:
            while not self._closing.wait(self._patience.seconds):
                self._patience.attempt(self._turn)
        finally:
            self._prober.close()

    def _turn(self) -> None:
        if monotonic() >= self._look_at:
            self._look_at = monotonic() + LOOK_SECONDS
            self._take_up(utcnow())
        self._poll()

    def _take_up(self, until: datetime) -> None:
        room = MOST_AT_ONCE - len(self._flying)
        if room <= 0:
            return
        busy = [each.channel for each in self._flying.values()]
        for parcel in claimed(self._sessions, (ChannelType.WEBHOOK, ChannelType.SLACK), room, until, busy):
            request = self._request(parcel) if parcel.fault is None else None
            if request is None:
                done(self._sessions, parcel, parcel.fault or "unreadable", for_good=True)
            else:
                self._flying[parcel.delivery.id] = parcel
                self._prober.start(parcel.delivery.id, request)

    def _poll(self) -> None:
        for number, outcome in self._prober.poll(WAIT_SECONDS):
            self._outcomes[number] = outcome
        # Noted one by one: what the database does not take now is still here at the next turn.
        for number, outcome in list(self._outcomes.items()):
            done(self._sessions, self._flying[number], failure(outcome))
            del self._outcomes[number], self._flying[number]

    def _request(self, parcel: Parcel) -> Request | None:
        channel, delivery = parcel.channel, parcel.delivery
        try:
            url = self._vault.open(channel.target_sealed or b"")
            secret = self._vault.open(channel.secret_sealed) if channel.secret_sealed else None
        except Unreadable as error:
            log.exception("delivery_impossible", channel=channel.id, exc_info=error)
            return None
        if channel.kind is ChannelType.SLACK:
            told = json.dumps(wording.chat(json.loads(delivery.payload), self._site), ensure_ascii=False)
            return posted(url, told.encode(), {})
        body = delivery.payload.encode()
        return posted(url, body, signed(body, secret or "", delivery))


def posted(url: str, body: bytes, headers: dict[str, str]) -> Request:
    """Return the request that hands a body over. A redirect is no receipt: it is not followed."""
    headers = {"Content-Type": "application/json", **headers}
    return Request(url, method="POST", timeout=TIMEOUT_SECONDS, expected_status=300, headers=headers, body=body)


def signed(body: bytes, secret: str, delivery: Delivery) -> dict[str, str]:
    """Return the headers by which a receiver knows that we sent a body, and when."""
    timestamp = str(int(utcnow().timestamp()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "Pulse-Event": delivery.event,
        "Pulse-Delivery": str(delivery.id),
        "Pulse-Timestamp": timestamp,
        "Pulse-Signature": f"v1={signature}",
    }


def failure(outcome: Outcome) -> str | None:
    """Return why a notice was not taken, in a word; None for any 2xx."""
    status = outcome.http_status_code
    if status is not None and 200 <= status < 300:
        return None
    return f"http_{status}" if status is not None else str(outcome.error)


def send_mails(sessions: sessionmaker[Session], sender: Sender, site: str) -> int:
    """Send the notices that are due by mail, for a bounded time; return how many were tried."""
    began, tried = monotonic(), 0
    while monotonic() - began <= LONGEST_TURN_SECONDS:
        parcels = claimed(sessions, (ChannelType.EMAIL,), 1, utcnow())
        for parcel in parcels:
            error = parcel.fault or _crowded(sessions, parcel.recipient) or sender.hand_over(_letter(parcel, site))
            done(sessions, parcel, error, for_good=parcel.fault is not None or error in FOR_GOOD)
        if not parcels:
            break
        tried += len(parcels)
    return tried


def _crowded(sessions: sessionmaker[Session], recipient: str) -> str | None:
    """Count a mail to an address; return why it has to wait where that has had too many, whoever's channels lead there."""
    with sessions.begin() as session:
        return "too_many_mails" if Throttle.hit(session, MAILS, "notices to", fold_email(recipient)) else None


def _letter(parcel: Parcel, site: str) -> Letter:
    delivery = parcel.delivery
    told = json.loads(delivery.payload)
    name = f"notice-{delivery.id}"
    return Letter(name, parcel.recipient, wording.subject(told), wording.text(told, site), delivery.created_at)


def claimed(
    sessions: sessionmaker[Session],
    types: tuple[ChannelType, ...],
    limit: int,
    until: datetime,
    busy: Sequence[Channel] = (),
) -> list[Parcel]:
    """Claim notices, due by then, for channels of these types that are not busy; read what is needed to hand them over."""
    free = Channel.id.not_in([each.id for each in busy])
    channels = select(Channel.id, Channel.team_id).where(Channel.type.in_([each.value for each in types]), free)
    flying = Counter(each.team_id for each in busy)
    with sessions.begin() as session:
        deliveries = Delivery.claim(session, channels, until, limit=limit, share=SHARE, flying=flying)
        parcels = [_parcel(session, each) for each in deliveries]
        session.expunge_all()
    return parcels


def _parcel(session: Session, delivery: Delivery) -> Parcel:
    channel = session.get_one(Channel, delivery.channel_id)
    team = session.get_one(Team, channel.team_id)
    fault = None
    if not channel.active:
        fault = "switched_off"
    elif not channel.is_included(team.plan):
        fault = "not_in_plan"
    recipient = channel.shown
    if recipient == OWNER:
        owner = select(User.email).join(Membership, Membership.user_id == User.id)
        recipient = session.scalar(owner.where(Membership.team_id == team.id, Membership.role_name == Role.OWNER.value)) or ""
        fault = fault or (None if recipient else "no_owner")
    return Parcel(delivery, channel, fault, recipient)


def done(sessions: sessionmaker[Session], parcel: Parcel, error: str | None, *, for_good: bool = False) -> None:
    """Write down what came of a try, at the notice and at its channel."""
    delivery, channel = parcel.delivery, parcel.channel
    with sessions.begin() as session:
        ended = delivery.end(session, error, for_good=for_good)
        told = update(Channel).where(Channel.id == channel.id).values(last_tried_at=utcnow(), last_error=error)
        session.execute(told)
    what = "delivered" if error is None else "delivery_dropped" if ended else "delivery_put_off"
    (log.info if error is None else log.warning)(
        what, delivery=delivery.id, channel=channel.id, attempts=delivery.attempts, failure=error
    )
