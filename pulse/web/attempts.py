"""How often a password may be tried and a mail be asked for.

Every try is counted, and its count committed, before the work that is limited; what turns out right is taken back.
"""

from collections.abc import Sequence
from math import ceil

from flask import request
from limits import RateLimitItem, parse

from pulse.addresses import network_of
from pulse.extensions import db, services
from pulse.models.email import fold_email
from pulse.models.refusals import RateLimited
from pulse.models.throttle import Throttle
from pulse.web import known

Subject = tuple[str, ...]

MAILS = parse("5 per hour")
"""Mails to one address that anybody can ask for."""


def count(limit: RateLimitItem, *subjects: Subject) -> None:
    """Count one try of each subject, in a transaction of its own; raises `RateLimited`.

    They are counted in order up to the first that is used up: whoever is refused by address counts against no account.
    """
    db.session.rollback()
    seconds = 0
    for subject in subjects:
        seconds = Throttle.hit(db.session, limit, *subject)
        if seconds:
            break
    db.session.commit()
    if seconds:
        minutes = ceil(seconds / 60)
        wait = f"Too many attempts. Wait {minutes} {'minute' if minutes == 1 else 'minutes'}, then try again."
        raise RateLimited(wait, seconds)


def sign_in_subjects(email: str, user_id: int | None) -> Sequence[Subject]:
    """Return what a try to sign in counts against: the address it comes from, and the account.

    A browser in which that account was signed in before has a count of its own: whoever keeps guessing the password
    from elsewhere does not lock its owner out. Accounts that do not exist are counted like others.
    """
    return ("sign-in from", address()), ("sign-in to", fold_email(email), known.mark(user_id) or "")


def count_sign_in(subjects: Sequence[Subject]) -> None:
    """Count a try to sign in; raises `RateLimited`.

    Where the address is not known, against the account alone: else a stranger at a proxy that tells no addresses would lock
    everybody out.
    """
    from_address, to_account = subjects
    count(services().settings.rate("login"), *([from_address] if from_address[-1] else []), to_account)


def take_back_sign_in(subjects: Sequence[Subject]) -> None:
    """Let a right password count for nothing, and forget the wrong ones before it; commit with the sign-in."""
    limit = services().settings.rate("login")
    from_address, to_account = subjects
    Throttle.take_back(db.session, limit, *from_address)
    Throttle.forget(db.session, limit, *to_account)


def forget_account(email: str) -> None:
    """Forget wrong passwords for an account, as after it got a new one."""
    Throttle.forget(db.session, services().settings.rate("login"), "sign-in to", fold_email(email), "")


def count_sign_up() -> None:
    """Count a new account from this address; raises `RateLimited`.

    All whose address is not known have one count: nothing else bounds new accounts.
    """
    count(services().settings.rate("signup"), ("sign-up from", address()))


def count_mail(recipient: str) -> None:
    """Count a mail that was asked for, against the recipient and the asking address, if known; raises `RateLimited`."""
    if network := address():
        count(services().settings.rate("signup"), ("mail from", network))
    count(MAILS, ("mail to", fold_email(recipient)))


def address() -> str:
    """Return the network address this request comes from, as it is counted; empty where a proxy does not tell."""
    return network_of(request.remote_addr)
