"""Invitations: sent, sent again, revoked, accepted, and the places they take."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from pulse.clock import utcnow
from pulse.extensions import db
from pulse.models import people
from pulse.models.event import Event
from pulse.models.invitation import KEPT, LIFE, Invitation, Invited, NotYours, Seats
from pulse.models.refusals import Conflict, Invalid, LimitReached, RateLimited
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import make_key
from tests.teams import invite, roles_of


def found(token):
    db.session.rollback()
    return Invitation.find(db.session, token)


def accept(token, person):
    member = found(token).accept(db.session, person.user, person.actor)
    db.session.commit()
    return member


def run_out(token):
    db.session.execute(
        update(Invitation).where(Invitation.id == found(token).id).values(expires_at=utcnow() - timedelta(seconds=1))
    )
    db.session.commit()


def test_an_invitation_makes_a_member_once(alice, charlie):
    token = invite(alice, "Charlie@Example.com", Role.ADMIN)

    accept(token, charlie)

    assert roles_of(alice.team_id) == {alice.email: "owner", charlie.email: "admin"}
    assert found(token) is None
    trail = Event.of_user(db.session, charlie.user_id)[0]
    assert (trail.action, trail.team_id, trail.detail["role"]) == ("member.joined", alice.team_id, "admin")


def test_only_a_digest_of_the_link_is_kept(alice):
    token = invite(alice, "new@example.com")

    row = db.session.query(Invitation).one()

    kept = [value for name, value in vars(row).items() if not name.startswith("_")]
    assert token not in [str(each) for each in kept]
    assert len(row.digest) == 32
    assert found(row.digest.hex()) is None


def test_it_ends_after_seven_days(alice, charlie):
    token = invite(alice, charlie.email)
    invitation = found(token)
    assert timedelta(0) <= invitation.expires_at - invitation.created_at - timedelta(days=7) < timedelta(seconds=30)

    run_out(token)

    assert found(token) is None


def test_one_that_runs_out_while_it_is_read_lets_nobody_in(alice, charlie):
    token = invite(alice, charlie.email)
    invitation = found(token)
    invitation.expires_at = utcnow() - timedelta(seconds=1)
    db.session.commit()

    with pytest.raises(Conflict):
        invitation.accept(db.session, charlie.user, charlie.actor)


def test_it_is_for_the_address_it_was_sent_to_alone(alice, bob, charlie):
    token = invite(alice, charlie.email)

    with pytest.raises(NotYours):
        found(token).accept(db.session, bob.user, bob.actor)

    assert found(token) is not None


def test_a_newer_link_ends_the_one_before(alice, charlie):
    old = invite(alice, charlie.email)

    new = found(old).resend(db.session, alice.actor).token
    db.session.commit()

    assert found(old) is None
    assert accept(new, charlie).role is Role.MEMBER


def test_a_link_that_is_replaced_while_it_is_read_lets_nobody_in(alice, charlie):
    invitation = found(invite(alice, charlie.email))
    digest = invitation.digest
    invitation.resend(db.session, alice.actor)
    db.session.commit()
    stale = Invitation.get(db.session, alice.team_id, invitation.id)
    new = stale.digest
    db.session.execute(update(Invitation).values(digest=digest))
    db.session.commit()
    assert stale.digest == digest
    db.session.connection().execute(update(Invitation).values(digest=new))

    with pytest.raises(Conflict):
        stale.accept(db.session, charlie.user, charlie.actor)


def test_a_revoked_one_lets_nobody_in(alice, charlie):
    token = invite(alice, charlie.email)
    invitation = found(token)

    invitation.revoke(db.session, alice.actor)
    db.session.commit()

    assert found(token) is None
    assert Invitation.of_team(db.session, alice.team_id) == []


@pytest.mark.parametrize("email", ["bob@example.com", " BOB@example.com ", "alice@example.com"])
def test_a_member_is_not_invited(alice, bob, email):
    with pytest.raises(Invited):
        Invitation.issue(db.session, alice.team, email, Role.MEMBER, alice.actor)


def test_an_address_is_invited_once_until_that_has_run_out(alice):
    token = invite(alice, "new@example.com")
    with pytest.raises(Invited):
        Invitation.issue(db.session, alice.team, "NEW@example.com", Role.VIEWER, alice.actor)
    db.session.rollback()

    run_out(token)
    invite(alice, "new@example.com", Role.VIEWER)

    assert [each.role for each in Invitation.of_team(db.session, alice.team_id)] == [Role.VIEWER]


@pytest.mark.parametrize("email", ["", "new", "new@", "a b@example.com", "x" * 250 + "@example.com", "a@b.com\nBcc: c@d.com"])
def test_what_is_no_address_is_not_invited(alice, email):
    with pytest.raises(Invalid):
        Invitation.issue(db.session, alice.team, email, Role.MEMBER, alice.actor)


def test_members_and_invitations_that_wait_fill_the_plan(alice, bob):
    alice.set_plan(Plan.STARTER)
    token = invite(alice, "new@example.com")
    assert Seats.of(db.session, alice.team) == Seats(members=2, invited=1, most=3)

    with pytest.raises(LimitReached) as refused:
        Invitation.issue(db.session, alice.team, "newer@example.com", Role.MEMBER, alice.actor)

    db.session.rollback()
    assert refused.value.limit == 3
    assert str(refused.value).endswith("Remove a member or revoke an invitation, or choose a larger plan.")
    run_out(token)
    invite(alice, "newer@example.com")
    expired = next(each for each in Invitation.of_team(db.session, alice.team_id) if each.expired)
    with pytest.raises(LimitReached):
        expired.resend(db.session, alice.actor)


def test_on_free_nobody_is_invited(alice):
    alice.set_plan(Plan.FREE)

    with pytest.raises(LimitReached):
        Invitation.issue(db.session, alice.team, "new@example.com", Role.MEMBER, alice.actor)


def test_an_invitation_waits_while_the_smaller_plan_is_full(alice, bob, charlie):
    token = invite(alice, charlie.email)
    alice.set_plan(Plan.FREE)
    with pytest.raises(LimitReached):
        accept(token, charlie)
    db.session.rollback()

    alice.set_plan(Plan.STARTER)

    assert accept(token, charlie).role is Role.MEMBER


def test_whoever_is_a_member_already_uses_it_up_and_keeps_their_role(alice, bob):
    token = invite(alice, "robert@example.com", Role.VIEWER)
    bob.user.change_email(db.session, "robert@example.com", bob.actor)
    db.session.commit()

    assert accept(token, bob).role is Role.MEMBER

    assert found(token) is None


def test_keys_of_an_earlier_membership_do_not_come_back(api, alice, bob):
    old = make_key(bob, team_id=alice.team_id).token
    own = make_key(bob).token
    people.remove(db.session, bob.membership(alice.team_id), alice.actor)
    db.session.commit()
    assert api.get("/key", old).get_json()["code"] == "membership_ended"

    accept(invite(alice, bob.email), bob)

    assert api.get("/key", old).get_json()["code"] == "token_deleted"
    assert api.get("/key", own).status_code == 200
    new = make_key(bob, team_id=alice.team_id).token
    assert api.get("/key", new).status_code == 200


def test_one_address_is_mailed_five_times_an_hour(alice):
    for _ in range(5):
        found(invite(alice, "new@example.com")).revoke(db.session, alice.actor)
        db.session.commit()

    with pytest.raises(RateLimited) as refused:
        Invitation.issue(db.session, alice.team, "new@example.com", Role.MEMBER, alice.actor)

    assert 0 < refused.value.seconds <= 3600


def test_the_trail_keeps_no_whole_address(alice):
    invite(alice, "somebody@example.com")

    event = Event.of_user(db.session, alice.user_id)[0]

    assert (event.action, event.detail["email"]) == ("invitation.sent", "s…@example.com")


def test_old_ones_are_swept_and_those_of_a_deleted_account_forgotten(alice):
    token = invite(alice, "old@example.com")
    invite(alice, "gone@example.com")
    db.session.execute(update(Invitation).where(Invitation.id == found(token).id).values(expires_at=utcnow() - KEPT - LIFE))

    assert Invitation.sweep(db.session) == 1
    Invitation.forget(db.session, "GONE@example.com")

    assert Invitation.of_team(db.session, alice.team_id) == []
