"""Who may do what: the only place where it is decided. Pure.

An actor has roles, which depend on the room (`_roles`), and each action names the roles that may do it (`RULES`). REST, the
administrators' commands and the conversation all ask here (`allows`, `require`). A new role is a new `Role`, found by `_roles` and
named in `RULES`; a new kind of actor is a new class in `Actor`.

Everyone may see a room, join it and leave it: a private one is joined with its password. Two rules depend on what may change until
the write, so the store decides them in the step that writes: a banned user does not join (`JoinOutcome`), and only a member posts
(`Outcome`). What administrators read (lists, details, exports, statistics) has no action: only they can open the control socket and
the store.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from msgspec import Struct

from reichatd.errors import Forbidden, Yourself


class UserActor(Struct, frozen=True):
    """A user, by one of their login sessions.

    Arguments:
        client: the address that the request came from, for limits; "" where none applies.
    """

    user_id: str
    session_id: str
    client: str = ""


class Administrator(Struct, frozen=True):
    """Someone who may use the daemon's control socket, or its store."""


Actor = UserActor | Administrator
"""Who does something."""

ADMINISTRATOR = Administrator()


class Role(Enum):
    """What an actor is in one room. An actor may have several roles, or none."""

    ADMINISTRATOR = auto()
    """In every room, and without one."""
    OWNER = auto()
    """Stays the owner after leaving the room, until it is transferred."""
    MEMBER = auto()


class Action(Enum):
    """What can be done with a room, or with users, apart from what everyone may do."""

    CREATE = auto()
    """With this owner."""
    LIST_MEMBERS = auto()
    """Of a private room: everyone sees those of a public one."""
    READ = auto()
    """Messages, stored or live."""
    UPDATE = auto()
    DELETE = auto()
    TRANSFER = auto()
    KICK = auto()
    BAN = auto()
    UNBAN = auto()
    LIST_BANS = auto()
    INVITE = auto()
    """Make, list and delete invitations to the room; without a room, to the server."""
    READ_AUDIT = auto()
    """What the audit log has about the room."""
    MANAGE_USERS = auto()
    """Add, confirm, disable, enable, log out and delete users, and set their passwords."""


class Rule(NamedTuple):
    """An actor with any of these roles may do it; all others get Forbidden with this text."""

    roles: frozenset[Role]
    refusal: str


_MEMBERS = Rule(frozenset({Role.MEMBER, Role.ADMINISTRATOR}), Forbidden.text)
_OWNERS = Rule(frozenset({Role.OWNER, Role.ADMINISTRATOR}), "Only the owner of the room may do this")
_ADMINISTRATORS = Rule(frozenset({Role.ADMINISTRATOR}), "Only an administrator may do this")

RULES: Mapping[Action, Rule] = {
    Action.CREATE: _OWNERS,
    Action.LIST_MEMBERS: _MEMBERS,
    Action.READ: _MEMBERS,
    Action.UPDATE: _OWNERS,
    Action.DELETE: _OWNERS,
    Action.TRANSFER: _ADMINISTRATORS,
    Action.KICK: _OWNERS,
    Action.BAN: _OWNERS,
    Action.UNBAN: _OWNERS,
    Action.LIST_BANS: _OWNERS,
    Action.INVITE: _OWNERS,
    Action.READ_AUDIT: _OWNERS,
    Action.MANAGE_USERS: _ADMINISTRATORS,
}


def allows(by: Actor, action: Action, *, owner: str | None = None, is_member: bool = False) -> bool:
    """Whether the actor may do this.

    Arguments:
        owner: the user id of the room's owner; None if the room was not read, or if there is none.
        is_member: whether the actor is a member of the room.
    """
    return not RULES[action].roles.isdisjoint(_roles(by, owner, is_member))


def require(by: Actor, action: Action, *, owner: str | None = None, is_member: bool = False) -> None:
    """Raises Forbidden if the actor may not do this. The arguments are those of `allows`."""
    if not allows(by, action, owner=owner, is_member=is_member):
        raise Forbidden(RULES[action].refusal)


def check_target(by: Actor, *, owner: str, user_id: str) -> None:
    """Raises Yourself if the user to be kicked, banned or unbanned is the owner: not even an administrator can do that."""
    if user_id == owner:
        raise Yourself("This is the owner: transfer the room to another user first" if by == ADMINISTRATOR else None)


def _roles(by: Actor, owner: str | None, is_member: bool) -> set[Role]:
    if isinstance(by, Administrator):
        return {Role.ADMINISTRATOR}
    held = {Role.OWNER: by.user_id == owner, Role.MEMBER: is_member}
    return {role for role in held if held[role]}
