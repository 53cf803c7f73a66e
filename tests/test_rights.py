"""The rules about rooms, without a store."""

import pytest

from reichatd import rights
from reichatd.errors import Forbidden, Yourself
from reichatd.rights import ADMINISTRATOR, RULES, Action, Actor, Role, UserActor
from reichatd.settings import EmailVisibility, WhoMayBegin

ANN, BOB = UserActor("ann", "session of ann"), UserActor("bob", "session of bob")

FOR_MEMBERS = {Action.LIST_MEMBERS, Action.READ}
FOR_MODERATORS = {
    Action.KICK,
    Action.BAN,
    Action.UNBAN,
    Action.LIST_BANS,
    Action.MUTE,
    Action.INVITE,
    Action.READ_AUDIT,
}
FOR_OWNERS = FOR_MODERATORS | {
    Action.CREATE,
    Action.UPDATE,
    Action.DELETE,
    Action.TRANSFER,
    Action.APPOINT,
}


def allowed(by: Actor, *, owner: str | None = None, is_member: bool = False, is_moderator: bool = False) -> set[Action]:
    roles = {"is_member": is_member, "is_moderator": is_moderator}
    return {action for action in Action if rights.allows(by, action, owner=owner, **roles)}


def test_every_action_has_a_rule() -> None:
    assert set(RULES) == set(Action)


@pytest.mark.parametrize(
    ("by", "owner", "is_member", "actions"),
    [
        (ANN, "ann", True, FOR_OWNERS | FOR_MEMBERS),
        (ANN, "ann", False, FOR_OWNERS),
        (BOB, "ann", True, FOR_MEMBERS),
        (BOB, "ann", False, set()),
        (ADMINISTRATOR, "ann", False, set(Action)),
    ],
    ids=["owner", "owner who left", "member", "anyone else", "administrator"],
)
def test_what_each_may_do(by: Actor, owner: str, is_member: bool, actions: set[Action]) -> None:
    assert allowed(by, owner=owner, is_member=is_member) == actions


def test_what_a_moderator_may_do() -> None:
    assert allowed(BOB, owner="ann", is_member=True, is_moderator=True) == FOR_MODERATORS | FOR_MEMBERS


def test_only_administrators_manage_users() -> None:
    assert RULES[Action.MANAGE_USERS].roles == {Role.ADMINISTRATOR}


def test_without_the_room_only_an_administrator_has_rights() -> None:
    assert allowed(ADMINISTRATOR) == set(Action)
    assert allowed(ANN) == allowed(UserActor("", "")) == set()


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (Action.READ, "Forbidden"),
        (Action.KICK, "Only the owner or a moderator of the room may do this"),
        (Action.TRANSFER, "Only the owner of the room may do this"),
        (Action.MANAGE_USERS, "Only an administrator may do this"),
    ],
)
def test_a_refusal_says_who_may(action: Action, text: str) -> None:
    with pytest.raises(Forbidden) as caught:
        rights.require(BOB, action, owner="ann")
    assert caught.value.message == text


def test_what_is_allowed_is_not_refused() -> None:
    for action in FOR_OWNERS | FOR_MEMBERS:
        rights.require(ANN, action, owner="ann", is_member=True)
    for action in Action:
        rights.require(ADMINISTRATOR, action)


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (ANN, "You cannot do this to yourself"),
        (ADMINISTRATOR, "This is the owner: transfer the room to another user first"),
    ],
)
def test_an_owner_cannot_be_kicked_or_banned(by: Actor, text: str) -> None:
    rights.check_target(by, owner="ann", user_id="bob")
    with pytest.raises(Yourself) as caught:
        rights.check_target(by, owner="ann", user_id="ann")
    assert caught.value.message == text


def test_a_moderator_has_no_rights_over_the_owner_and_other_moderators() -> None:
    rights.check_target(BOB, owner="ann", user_id="cleo")
    with pytest.raises(Forbidden):
        rights.check_target(BOB, owner="ann", user_id="ann")
    with pytest.raises(Forbidden):
        rights.check_target(BOB, owner="ann", user_id="cleo", is_moderator=True)
    with pytest.raises(Yourself):
        rights.check_target(BOB, owner="ann", user_id="bob", is_moderator=True)
    for by in (ANN, ADMINISTRATOR):
        rights.check_target(by, owner="ann", user_id="cleo", is_moderator=True)


def test_the_highest_role_counts() -> None:
    assert rights.role_of(is_owner=True, is_moderator=True) is Role.OWNER
    assert rights.role_of(is_owner=False, is_moderator=True) is Role.MODERATOR
    assert rights.role_of(is_owner=False, is_moderator=False) is Role.MEMBER


@pytest.mark.parametrize(
    ("begins", "with_room", "without_room"),
    [("anyone", True, True), ("shared_room", True, False), ("nobody", False, False)],
)
def test_who_may_begin_a_direct_conversation(begins: WhoMayBegin, with_room: bool, without_room: bool) -> None:
    assert rights.may_open_direct(begins, shares_room=True, is_blocked=False) is with_room
    assert rights.may_open_direct(begins, shares_room=False, is_blocked=False) is without_room
    assert not rights.may_open_direct(begins, shares_room=True, is_blocked=True)


@pytest.mark.parametrize(
    ("emails", "with_room", "without_room"),
    [("everyone", True, True), ("shared_room", True, False), ("nobody", False, False)],
)
def test_who_sees_an_address(emails: EmailVisibility, with_room: bool, without_room: bool) -> None:
    assert rights.shows_email(emails, shares_room=True) is with_room
    assert rights.shows_email(emails, shares_room=False) is without_room
