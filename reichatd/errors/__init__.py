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

from reichatd.errors.base import (
    FieldProblem,
    ReichatError,
    in_words,
)
from reichatd.errors.invalid import (
    AlreadyBanned,
    Invalid,
    InvalidCode,
    InvalidFields,
    InvalidPassword,
    Malformed,
    NotBanned,
    PasswordRequired,
    Yourself,
)
from reichatd.errors.not_allowed import (
    Banned,
    EditTooLate,
    Forbidden,
    InsufficientScope,
    Muted,
    RegistrationClosed,
    TotpRequired,
    Unauthorized,
    UnverifiedEmail,
    UserDisabled,
)
from reichatd.errors.not_found import (
    AppPasswordNotFound,
    InviteNotFound,
    MessageNotFound,
    NoProvider,
    NotFound,
    RoomNotFound,
    SessionNotFound,
    TokenNotFound,
    TotpNotFound,
    UserNotFound,
    VerificationNotFound,
)
from reichatd.errors.state_conflicts import (
    AlreadyJoined,
    AlreadyLinked,
    Conflict,
    DirectRoom,
    MessageDeleted,
    NotAMember,
    OtherLog,
    OwnsRooms,
    RoomExists,
    SeveralRegistrations,
    TooManyAppPasswords,
    TooManyBlocks,
    TooManyInvites,
    TooManyPins,
    TooManyReactions,
    TooManyRooms,
    TooManyTokens,
    TotpEnabled,
    UserExists,
)
from reichatd.errors.try_later import (
    RateLimited,
    TryAgainLater,
    Unavailable,
)

__all__ = [
    "AlreadyBanned",
    "AlreadyJoined",
    "AlreadyLinked",
    "AppPasswordNotFound",
    "Banned",
    "Conflict",
    "DirectRoom",
    "EditTooLate",
    "FieldProblem",
    "Forbidden",
    "InsufficientScope",
    "Invalid",
    "InvalidCode",
    "InvalidFields",
    "InvalidPassword",
    "InviteNotFound",
    "Malformed",
    "MessageDeleted",
    "MessageNotFound",
    "Muted",
    "NoProvider",
    "NotAMember",
    "NotBanned",
    "NotFound",
    "OtherLog",
    "OwnsRooms",
    "PasswordRequired",
    "RateLimited",
    "RegistrationClosed",
    "ReichatError",
    "RoomExists",
    "RoomNotFound",
    "SessionNotFound",
    "SeveralRegistrations",
    "TokenNotFound",
    "TooManyAppPasswords",
    "TooManyBlocks",
    "TooManyInvites",
    "TooManyPins",
    "TooManyReactions",
    "TooManyRooms",
    "TooManyTokens",
    "TotpEnabled",
    "TotpNotFound",
    "TotpRequired",
    "TryAgainLater",
    "Unauthorized",
    "Unavailable",
    "UnverifiedEmail",
    "UserDisabled",
    "UserExists",
    "UserNotFound",
    "VerificationNotFound",
    "Yourself",
    "in_words",
]

for _name in __all__:
    # Where in the package an error is defined concerns nobody: tracebacks show the name that others import.
    globals()[_name].__module__ = __name__
