"""Who may do what: the only place where it is decided. Pure.

An actor has roles, which depend on the room (`_roles`), and each action names the roles that may do it (`RULES`). REST, the
administrators' commands and the conversation all ask here (`allows`, `require`). A new role is a new `Role`, found by `_roles` and
named in `RULES`; a new kind of actor is a new class in `Actor`.

Everyone may see a room, join it and leave it: a private one is joined with its password. Two rules depend on what may change until
the write, so the store decides them in the step that writes: a banned user does not join (`JoinOutcome`), and only a member posts
(`Outcome`). What administrators read (lists, details, exports, statistics) has no action: only they can open the control socket and
the store.

A token for programs acts as its user, within its scopes and rooms (`require_scope`). Each call and each frame needs one scope, or
is not for tokens at all.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from msgspec import Struct

from reichatd.errors import Forbidden, InsufficientScope, Yourself


class Scope(Enum):
    """What a token for programs may do. The values are contract."""

    READ = "read"
    """Read what its user can read: messages, rooms, members."""
    WRITE = "write"
    """Post messages, join and leave rooms, create rooms."""
    MODERATE = "moderate"
    """Lead the rooms that its user leads: change them, kick, ban."""


class UserActor(Struct, frozen=True):
    """A user, by one of their login sessions or tokens for programs.

    Arguments:
        client: the address that the request came from, for limits; "" where none applies.
        scopes: what the token may do; None for a login session, which may do everything.
        rooms: the ids of the rooms that the token is for; None for all.
    """

    user_id: str
    session_id: str
    client: str = ""
    scopes: frozenset[Scope] | None = None
    rooms: frozenset[str] | None = None


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


def require_scope(by: UserActor, scope: Scope | None, room_id: str | None = None) -> None:
    """Raises InsufficientScope if the actor is a token for programs that may not do this.

    A token for certain rooms changes nothing else. It can read what is not about one room, such as lists; those show only its rooms
    (`covers`).

    Arguments:
        scope: what is needed; None for what no token may do.
        room_id: the room that it is about, if it is about one.
    """
    if not may(by, scope):
        raise InsufficientScope(
            f'The token has no scope "{scope.value}"' if scope else "No token for programs may do this"
        )
    if by.rooms is not None and (room_id not in by.rooms if room_id is not None else scope is not Scope.READ):
        raise InsufficientScope("This token is for other rooms")


def may(by: UserActor, scope: Scope | None) -> bool:
    """Whether the actor has this scope."""
    return by.scopes is None or scope in by.scopes


def covers(by: UserActor, room_id: str) -> bool:
    """Whether the actor may see this room in a list."""
    return by.rooms is None or room_id in by.rooms


def check_target(by: Actor, *, owner: str, user_id: str) -> None:
    """Raises Yourself if the user to be kicked, banned or unbanned is the owner: not even an administrator can do that."""
    if user_id == owner:
        raise Yourself("This is the owner: transfer the room to another user first" if by == ADMINISTRATOR else None)


def _roles(by: Actor, owner: str | None, is_member: bool) -> set[Role]:
    if isinstance(by, Administrator):
        return {Role.ADMINISTRATOR}
    held = {Role.OWNER: by.user_id == owner, Role.MEMBER: is_member}
    return {role for role in held if held[role]}
