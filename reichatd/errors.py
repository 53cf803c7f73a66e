"""All errors that a client or an administrator may be shown, in one tree, with HTTP status and code.

    ReichatError                    500  internal_error
    ├── Invalid                     400  invalid: the request is understood, but cannot be carried out
    │   ├── InvalidFields           400  invalid_fields: fields break a rule; `problems` names them
    │   ├── InvalidPassword         400  invalid_password
    │   ├── PasswordRequired        400  password_required
    │   ├── InvalidCode             400  invalid_code
    │   ├── Yourself                400  yourself
    │   ├── AlreadyBanned           400  already_banned
    │   └── NotBanned               400  not_banned
    ├── Malformed                   422  malformed: no JSON object, or a field is missing or of the wrong type
    ├── Unauthorized                401  unauthorized
    │   └── TotpRequired            401  totp_required: the password is right, and the user has a second factor
    ├── Forbidden                   403  forbidden
    │   ├── Banned                  403  banned
    │   ├── UserDisabled            403  user_disabled
    │   ├── RegistrationClosed      403  registration_closed
    │   ├── UnverifiedEmail         403  unverified_email
    │   ├── Muted                   403  muted: in this room, `until` a time
    │   ├── EditTooLate             403  edit_too_late: the message is too old
    │   └── InsufficientScope       403  insufficient_scope: the token for programs may not do this
    ├── NotFound                    404  not_found
    │   ├── NoProvider              404  no_provider
    │   ├── UserNotFound            404  user_not_found
    │   ├── VerificationNotFound    404  verification_not_found
    │   ├── SessionNotFound         404  session_not_found
    │   ├── RoomNotFound            404  room_not_found
    │   ├── MessageNotFound         404  message_not_found
    │   ├── InviteNotFound          404  invite_not_found
    │   ├── TotpNotFound            404  totp_not_found
    │   ├── AppPasswordNotFound     404  app_password_not_found
    │   └── TokenNotFound           404  token_not_found
    ├── Conflict                    409  conflict
    │   ├── UserExists              409  user_exists
    │   ├── AlreadyLinked           409  already_linked
    │   ├── RoomExists              409  room_exists
    │   ├── AlreadyJoined           409  already_joined
    │   ├── NotAMember              409  not_a_member
    │   ├── OwnsRooms               409  owns_rooms
    │   ├── TooManyRooms            409  too_many_rooms
    │   ├── TooManyBlocks           409  too_many_blocks
    │   ├── DirectRoom              409  direct_room
    │   ├── MessageDeleted          409  message_deleted
    │   ├── OtherLog                409  other_log: the room's log is another one than the client knows
    │   ├── TooManyReactions        409  too_many_reactions
    │   ├── TooManyPins             409  too_many_pins
    │   ├── TooManyInvites          409  too_many_invites
    │   ├── TotpEnabled             409  totp_enabled
    │   ├── TooManyAppPasswords     409  too_many_app_passwords
    │   ├── TooManyTokens           409  too_many_tokens
    │   └── SeveralRegistrations    409  several_registrations
    └── TryAgainLater               503  try_again_later: after `retry_after` seconds
        ├── Unavailable             503  unavailable
        └── RateLimited             429  rate_limited

A conversation that ends with an error closes its socket with 4001 for Unauthorized, 1011 for Unavailable and internal errors, 1013
for RateLimited, and 1008 for all others.

`code` is stable, for programs; `message` is a sentence for a person. Both may leave the daemon, so they never hold a secret or
an internal. Faults of the store, which no request can help, are in `reichatd.store.errors`.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from reichatd.closing import INTERNAL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER, UNAUTHORIZED


class FieldProblem(NamedTuple):
    """What is wrong with one field of a request, in words for a person."""

    field: str
    problem: str


def in_words(problems: Sequence[FieldProblem]) -> str:
    """All problems in one sentence for a person."""
    return "; ".join(f"{field}: {problem}" for field, problem in problems)


class ReichatError(Exception):
    """An error that may be shown to the client.

    Arguments:
        message: a sentence for a person, in place of the class's own.
        problems: the fields that are wrong, if the error is about fields.
    """

    status: ClassVar[int] = 500
    close_code: ClassVar[int] = INTERNAL_ERROR
    code: ClassVar[str] = "internal_error"
    text: ClassVar[str] = "Internal error"

    def __init__(self, message: str | None = None, problems: Sequence[FieldProblem] = ()) -> None:
        self.message = message or self.text
        self.problems = problems
        super().__init__(self.message)


class Invalid(ReichatError):
    status = 400
    close_code = POLICY_VIOLATION
    code = "invalid"
    text = "Invalid request"


class InvalidFields(Invalid):
    """Named fields break a rule. `problems` has one entry for each."""

    code = "invalid_fields"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(in_words(problems), problems)


class InvalidPassword(Invalid):
    code = "invalid_password"
    text = "Invalid password"


class PasswordRequired(Invalid):
    code = "password_required"
    text = "Password required"


class InvalidCode(Invalid):
    code = "invalid_code"
    text = "Wrong or expired code"


class Yourself(Invalid):
    code = "yourself"
    text = "You cannot do this to yourself"


class AlreadyBanned(Invalid):
    code = "already_banned"
    text = "Already banned"


class NotBanned(Invalid):
    code = "not_banned"
    text = "User not banned"


class Malformed(ReichatError):
    """The body is not what the call takes. `problems` names the wrong fields, if any."""

    status = 422
    close_code = POLICY_VIOLATION
    code = "malformed"
    text = "Malformed request"


class Unauthorized(ReichatError):
    status = 401
    close_code = UNAUTHORIZED
    code = "unauthorized"
    text = "Unauthorized"


class TotpRequired(Unauthorized):
    """The password is right. The client asks for the code of the second factor, and logs in again with both."""

    code = "totp_required"
    text = "A code of your second factor is needed"


class Forbidden(ReichatError):
    status = 403
    close_code = POLICY_VIOLATION
    code = "forbidden"
    text = "Forbidden"


class Banned(Forbidden):
    code = "banned"
    text = "You are banned from this room"


class UserDisabled(Forbidden):
    code = "user_disabled"
    text = "This account is disabled"


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    text = "Registration is closed"


class UnverifiedEmail(Forbidden):
    """The provider of a login does not vouch for the address, so it can belong to anyone."""

    code = "unverified_email"
    text = "The provider has not verified your e-mail address. Log in with your password, and link the provider in the settings"


class Muted(Forbidden):
    """The user takes no part in the room's conversation for a while. `until` is in seconds since the epoch."""

    code = "muted"
    text = "You are muted in this room"

    def __init__(self, until: float) -> None:
        self.until = until
        super().__init__()


class EditTooLate(Forbidden):
    code = "edit_too_late"
    text = "This message is too old to be edited"


class InsufficientScope(Forbidden):
    """The scopes of a token for programs, or its rooms, do not include this."""

    code = "insufficient_scope"
    text = "This token may not do this"


class NotFound(ReichatError):
    status = 404
    close_code = POLICY_VIOLATION
    code = "not_found"
    text = "Not found"


class NoProvider(NotFound):
    code = "no_provider"
    text = "This server has no login by a provider"


class UserNotFound(NotFound):
    code = "user_not_found"
    text = "User not found"


class VerificationNotFound(NotFound):
    code = "verification_not_found"
    text = "Verification not found"


class SessionNotFound(NotFound):
    code = "session_not_found"
    text = "Session not found"


class RoomNotFound(NotFound):
    code = "room_not_found"
    text = "Room not found"


class MessageNotFound(NotFound):
    code = "message_not_found"
    text = "Message not found"


class InviteNotFound(NotFound):
    """There is no such invitation, or it has expired, was used up, or its creator may not make invitations any more."""

    code = "invite_not_found"
    text = "This invitation is not valid, or no longer"


class TotpNotFound(NotFound):
    code = "totp_not_found"
    text = "There is no second factor"


class AppPasswordNotFound(NotFound):
    code = "app_password_not_found"
    text = "App password not found"


class TokenNotFound(NotFound):
    code = "token_not_found"
    text = "Token not found"


class Conflict(ReichatError):
    status = 409
    close_code = POLICY_VIOLATION
    code = "conflict"
    text = "Conflict"


class UserExists(Conflict):
    code = "user_exists"
    text = "User already exists"


class AlreadyLinked(Conflict):
    code = "already_linked"
    text = "This account of the provider belongs to another user"


class RoomExists(Conflict):
    code = "room_exists"
    text = "Room ID taken"


class AlreadyJoined(Conflict):
    code = "already_joined"
    text = "Already joined"


class NotAMember(Conflict):
    code = "not_a_member"
    text = "User not in room"


class OwnsRooms(Conflict):
    code = "owns_rooms"
    text = "User owns rooms"


class TooManyRooms(Conflict):
    """The user owns as many rooms as one user may. Waiting does not help, so it is no `RateLimited`."""

    code = "too_many_rooms"
    text = "You own too many rooms; delete one first"


class TooManyBlocks(Conflict):
    code = "too_many_blocks"
    text = "You have blocked too many users; unblock one first"


class DirectRoom(Conflict):
    """The room is a direct conversation, and what was asked is done with other rooms only."""

    code = "direct_room"
    text = "This is a direct conversation"


class MessageDeleted(Conflict):
    code = "message_deleted"
    text = "This message is deleted"


class OtherLog(Conflict):
    """The room's log is another one than the client knows; its name is `log`. The client drops what it has."""

    code = "other_log"
    text = "The room has another log now; start afresh"

    def __init__(self, log: str = "") -> None:
        self.log = log
        super().__init__()


class TooManyReactions(Conflict):
    code = "too_many_reactions"
    text = "This message has too many different reactions, or too many of yours"


class TooManyPins(Conflict):
    code = "too_many_pins"
    text = "The room has too many pinned messages; take a pin off first"


class TooManyInvites(Conflict):
    code = "too_many_invites"
    text = "The room has too many invitations; delete one first"


class TotpEnabled(Conflict):
    code = "totp_enabled"
    text = "The second factor is on already"


class TooManyAppPasswords(Conflict):
    code = "too_many_app_passwords"
    text = "You have too many app passwords; delete one first"


class TooManyTokens(Conflict):
    code = "too_many_tokens"
    text = "You have too many tokens; delete one first"


class SeveralRegistrations(Conflict):
    """The administrator must say which one."""

    code = "several_registrations"
    text = "Several registrations of this address"


class TryAgainLater(ReichatError):
    """The daemon does not take this now. `retry_after` is in seconds, whole or not."""

    status = 503
    close_code = INTERNAL_ERROR
    code = "try_again_later"
    text = "Try again later"

    def __init__(self, message: str | None = None, *, retry_after: float = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Unavailable(TryAgainLater):
    """A part of the daemon, such as the store, does not work now."""

    code = "unavailable"


class RateLimited(TryAgainLater):
    """The client, or someone else, has done this too often: see `reichatd.rate_limits`."""

    status = 429
    close_code = TRY_AGAIN_LATER
    code = "rate_limited"
    text = "Too many attempts; try again later"
