"""What happens in a team when several act at once."""

from collections import Counter
from collections.abc import Iterable

from pulse.abilities import Ability
from pulse.extensions import db
from pulse.models import people
from pulse.models.api_key import ApiKey
from pulse.models.invitation import Invitation, Invited
from pulse.models.refusals import Conflict, LimitReached, Refused
from pulse.models.team import Membership, Team
from pulse.models.user import User
from pulse.plans import Plan
from pulse.roles import Role
from tests.factories import join, make_key, make_person
from tests.faults.test_races import at_once
from tests.teams import invite, roles_of

ROUNDS = 5


def acceptance(token, person):
    def act():
        invitation = Invitation.find(db.session, token)
        if invitation is None:
            raise Conflict("ended")
        return invitation.accept(db.session, db.session.get_one(User, person.user_id), person.actor).role_name

    return act


def found(model, number):
    """Return a row, or refuse as the edges do for one that is gone."""
    row = db.session.get(model, number)
    if row is None:
        raise Conflict("gone")
    return row


def removal(member_id, by):
    return lambda: people.remove(db.session, found(Membership, member_id), by.actor)


def transfer(member_id, by):
    return lambda: people.hand_over(db.session, found(Membership, member_id), by.actor)


def outcomes(results: Iterable[object]) -> Counter[str]:
    """Count what came of each act: its result, or which refusal."""
    return Counter(type(each).__name__ if isinstance(each, Refused) else str(each) for each in results)


def test_of_many_who_accept_the_last_place_one_gets_it(app, alice):
    guests = [make_person(app, f"Guest {number}", f"guest{number}@example.com") for number in range(6)]
    tokens = [invite(alice, guest.email) for guest in guests]
    join(make_person(app, "Bob", "bob@example.com"), alice.team)
    alice.set_plan(Plan.STARTER)

    results = at_once(app, [acceptance(token, guest) for token, guest in zip(tokens, guests, strict=True)])

    assert outcomes(results) == {"member": 1, "LimitReached": 5}
    assert len(roles_of(alice.team_id)) == 3


def test_one_invitation_accepted_many_times_at_once_makes_one_member(app, alice, charlie):
    token = invite(alice, charlie.email)

    results = at_once(app, [acceptance(token, charlie) for _ in range(6)])

    assert outcomes(results) == {"member": 1, "Conflict": 5}
    assert len(roles_of(alice.team_id)) == 2


def test_of_many_invitations_at_once_no_more_are_sent_than_there_are_places(app, alice):
    alice.set_plan(Plan.STARTER)

    results = at_once(app, [lambda n=n: bool(invite(alice, f"guest{n}@example.com")) for n in range(8)])

    assert Counter(type(each) for each in results) == {bool: 2, LimitReached: 6}


def test_one_address_invited_many_times_at_once_is_invited_once(app, alice):
    results = at_once(app, [lambda: bool(invite(alice, "new@example.com")) for _ in range(6)])

    assert Counter(type(each) for each in results) == {bool: 1, Invited: 5}


def test_of_transfers_at_once_one_wins_and_there_is_one_owner(app, alice):
    heirs = [join(make_person(app, f"Heir {number}", f"heir{number}@example.com"), alice.team) for number in range(4)]
    places = [heir.membership(alice.team_id).id for heir in heirs]

    results = at_once(app, [transfer(at, alice) for at in places])

    roles = roles_of(alice.team_id)
    assert outcomes(results) == {"None": 1, "RoleRequired": 3}
    assert Counter(roles.values()) == {"owner": 1, "admin": 1, "member": 3}


def test_a_team_handed_to_somebody_who_is_removed_meanwhile_keeps_one_owner(app, alice):
    for number in range(ROUNDS):
        heir = join(make_person(app, "Heir", f"heir{number}@example.com"), alice.team)
        admin = join(make_person(app, "Admin", f"admin{number}@example.com"), alice.team, Role.ADMIN)
        at = heir.membership(alice.team_id).id

        at_once(app, [transfer(at, alice), removal(at, admin)])

        roles = roles_of(alice.team_id)
        assert list(roles.values()).count("owner") == 1
        if roles[alice.email] != "owner":
            people.hand_over(db.session, alice.membership(), heir.actor)
            db.session.commit()


def test_a_team_handed_to_somebody_whose_account_goes_is_never_without_an_owner(app, alice):
    for number in range(ROUNDS):
        heir = join(make_person(app, "Heir", f"heir{number}@example.com"), alice.team)
        at = heir.membership(alice.team_id).id

        at_once(app, [transfer(at, alice), lambda heir=heir: found(User, heir.user_id).delete(db.session)])

        db.session.rollback()
        if db.session.get(Team, alice.team_id) is None:
            return
        assert roles_of(alice.team_id)[alice.email] == "owner"


def test_admins_who_remove_each_other_at_once_leave_one(app, alice, bob, charlie):
    join(charlie, alice.team, Role.ADMIN)
    people.change_role(db.session, bob.membership(alice.team_id), Role.ADMIN, alice.actor)
    db.session.commit()
    bobs, charlies = bob.membership(alice.team_id).id, charlie.membership(alice.team_id).id

    results = at_once(app, [removal(bobs, charlie), removal(charlies, bob)])

    assert Counter(isinstance(each, Refused) for each in results) == {True: 1, False: 1}
    assert len(roles_of(alice.team_id)) == 2


def test_removing_a_member_while_their_keys_rotate_leaves_no_token_that_works(app, api, alice):
    for number in range(ROUNDS):
        bob = join(make_person(app, "Bob", f"bob{number}@example.com"), alice.team)
        issued = make_key(bob, team_id=alice.team_id)
        key_id, current, at = issued.key.id, issued.key.token.id, bob.membership(alice.team_id).id

        def rotate(key_id=key_id, current=current, bob=bob):
            return db.session.get_one(ApiKey, key_id).rotate(db.session, replacing=current, by=bob.actor).token

        results = at_once(app, [removal(at, alice), rotate, rotate])

        tokens = [issued.token, *(each for each in results if isinstance(each, str))]
        assert not [each for each in tokens if api.get("/key", each).status_code == 200]
        assert api.get("/key", tokens[-1]).get_json()["code"] == "membership_ended"


def test_a_team_deleted_while_keys_are_made_in_it_leaves_no_token_that_works(app, api, alice, bob):
    team_id, at = alice.team_id, bob.membership(alice.team_id).id

    def create(number):
        chosen = {"name": f"Key {number}", "abilities": [Ability.MONITORS_READ], "expires_at": None, "by": bob.actor}
        return lambda: ApiKey.issue(db.session, found(Membership, at), **chosen).token

    acts = [create(number) for number in range(3)]
    results = at_once(app, [*acts, lambda: people.delete_team(db.session, found(Team, team_id), alice.actor)])

    assert db.session.get(Team, team_id) is None
    for token in (each for each in results if isinstance(each, str)):
        assert api.get("/key", token).get_json()["code"] == "token_unknown"
