"""The password of whoever is signed in, asked for once more before what cannot be taken back.

Checking takes a quarter second, in which no transaction is open: so it is proved first and acted on afterwards, and
what was proved is held against the account again.
"""

from dataclasses import dataclass, field

from pulse.extensions import db, services
from pulse.models.refusals import Conflict, Invalid
from pulse.models.throttle import Throttle
from pulse.models.user import User
from pulse.passwords import LONGEST
from pulse.web import attempts, visits


@dataclass(frozen=True, slots=True)
class Proof:
    """That the password behind this hash was typed."""

    user_id: int
    password_hash: str = field(repr=False)


def prove(password: str, at: str) -> Proof:
    """Check the signed-in person's password, typed in the field `at`; raises `Invalid` and `RateLimited`."""
    visits.only_read()
    proof = Proof(visits.user().id, visits.user().password_hash)
    subject = ("own password", str(proof.user_id))
    if len(password) > LONGEST:
        raise Invalid(at, "This is not your password.")
    attempts.count(services().settings.rate("login"), subject)
    if not services().passwords.matches(password, proof.password_hash):
        raise Invalid(at, "This is not your password.")
    Throttle.forget(db.session, services().settings.rate("login"), *subject)
    db.session.commit()
    return proof


def hold(proof: Proof) -> User:
    """Return the account, held, if its password is still the one that was typed; raises `Conflict`."""
    user = User.held(db.session, proof.user_id)
    if user is None or user.password_hash != proof.password_hash:
        raise Conflict("Your password was changed in the meantime. Reload the page, then try again.")
    return user
