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
from reichatd.settings import EmailVisibility, WhoMayBegin


class Scope(Enum):
    """What a token for programs may do. The values are contract."""

    READ = "read"
    """Read what its user can read: messages, rooms, members."""
    WRITE = "write"
    """Post messages, edit and delete its user's own, react, join and leave rooms, create rooms."""
    MODERATE = "moderate"
    """Lead the rooms that its user leads: change them, appoint moderators, kick, ban, mute, delete messages of others, pin."""


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
    MODERATOR = auto()
    """A member appointed by the owner; the role ends with the membership."""
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
    MUTE = auto()
    """And end a mute."""
    APPOINT = auto()
    """Make members moderators, or members again."""
    MANAGE_USERS = auto()
    """Add, confirm, disable, enable, log out and delete users, and set their passwords."""


class Rule(NamedTuple):
    """An actor with any of these roles may do it; all others get Forbidden with this text."""

    roles: frozenset[Role]
    refusal: str


_MEMBERS = Rule(frozenset({Role.MEMBER, Role.ADMINISTRATOR}), Forbidden.text)
_MODERATORS = Rule(
    frozenset({Role.OWNER, Role.MODERATOR, Role.ADMINISTRATOR}), "Only the owner or a moderator of the room may do this"
)
_OWNERS = Rule(frozenset({Role.OWNER, Role.ADMINISTRATOR}), "Only the owner of the room may do this")
_ADMINISTRATORS = Rule(frozenset({Role.ADMINISTRATOR}), "Only an administrator may do this")

IN_DIRECT_CONVERSATIONS = frozenset({Action.LIST_MEMBERS, Action.READ})
"""What can be done with a direct conversation. It has no owner; administrators can delete it."""

RULES: Mapping[Action, Rule] = {
    Action.CREATE: _OWNERS,
    Action.LIST_MEMBERS: _MEMBERS,
    Action.READ: _MEMBERS,
    Action.UPDATE: _OWNERS,
    Action.DELETE: _OWNERS,
    Action.TRANSFER: _OWNERS,
    Action.KICK: _MODERATORS,
    Action.BAN: _MODERATORS,
    Action.UNBAN: _MODERATORS,
    Action.LIST_BANS: _MODERATORS,
    Action.MUTE: _MODERATORS,
    Action.APPOINT: _OWNERS,
    Action.INVITE: _MODERATORS,
    Action.READ_AUDIT: _MODERATORS,
    Action.MANAGE_USERS: _ADMINISTRATORS,
}


def allows(
    by: Actor, action: Action, *, owner: str | None = None, is_member: bool = False, is_moderator: bool = False
) -> bool:
    """Whether the actor may do this.

    Arguments:
        owner: the user id of the room's owner; None if the room was not read, or if there is none.
        is_member, is_moderator: what the actor is in the room.
    """
    return not RULES[action].roles.isdisjoint(_roles(by, owner, is_member, is_moderator))


def require(
    by: Actor, action: Action, *, owner: str | None = None, is_member: bool = False, is_moderator: bool = False
) -> None:
    """Raises Forbidden if the actor may not do this. The arguments are those of `allows`."""
    if not allows(by, action, owner=owner, is_member=is_member, is_moderator=is_moderator):
        raise refusal(action)


def refusal(action: Action) -> Forbidden:
    """The error for an actor who may not do this."""
    return Forbidden(RULES[action].refusal)


def acts_as_moderator(by: Actor, *, owner: str) -> bool:
    """Whether an actor who may kick, ban or mute has this right as a moderator only, and so not over other moderators."""
    return isinstance(by, UserActor) and by.user_id != owner


def check_target(by: Actor, *, owner: str, user_id: str, is_moderator: bool = False) -> None:
    """Checks the user that an action targets. Call it after `require`.

    Arguments:
        is_moderator: whether that user is one; matters only if the actor `acts_as_moderator`.

    Raises:
        Yourself: the target is the actor, or the owner: not even an administrator can kick, ban or mute an owner.
        Forbidden: it is the owner or another moderator, and the actor is a moderator.
    """
    if isinstance(by, UserActor) and user_id == by.user_id:
        raise Yourself
    if acts_as_moderator(by, owner=owner) and (user_id == owner or is_moderator):
        raise Forbidden("A moderator may not do this to the owner or to another moderator")
    if user_id == owner:
        raise Yourself("This is the owner: transfer the room to another user first")


def require_own_login(app_password_id: str) -> None:
    """Raises Forbidden if a login session began with an app password: such a session changes no ways to log in.

    Arguments:
        app_password_id: the app password; "" without one.
    """
    if app_password_id:
        raise Forbidden("You have logged in with an app password: for this, log in with your own")


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


def may_open_direct(begins: WhoMayBegin, *, shares_room: bool, is_blocked: bool) -> bool:
    """Whether a user may begin a direct conversation with another.

    Arguments:
        begins: `direct.from`.
        shares_room: whether both are members of one room that is no direct conversation.
        is_blocked: whether the other has blocked the user.
    """
    return not is_blocked and (begins == "anyone" or (begins == "shared_room" and shares_room))


def shows_email(emails: EmailVisibility, *, shares_room: bool) -> bool:
    """Whether a user's e-mail address is shown to another user.

    Arguments:
        emails: `privacy.emails`.
        shares_room: whether both are members of one room that is no direct conversation.
    """
    return emails == "everyone" or (emails == "shared_room" and shares_room)


def role_of(*, is_owner: bool, is_moderator: bool) -> Role:
    """The highest role of a member."""
    return Role.OWNER if is_owner else Role.MODERATOR if is_moderator else Role.MEMBER


def _roles(by: Actor, owner: str | None, is_member: bool, is_moderator: bool) -> set[Role]:
    if isinstance(by, Administrator):
        return {Role.ADMINISTRATOR}
    held = {Role.OWNER: by.user_id == owner, Role.MODERATOR: is_moderator, Role.MEMBER: is_member}
    return {role for role in held if held[role]}
