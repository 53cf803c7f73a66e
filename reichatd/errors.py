"""Everything that reichatd refuses, in one tree.

    ReichatError
    ├── Invalid                    400  the request was understood and cannot be done as it is
    │   ├── InvalidFields          400  named fields break a rule
    │   ├── InvalidPassword        400
    │   ├── PasswordRequired       400
    │   ├── InvalidCode            400
    │   ├── Yourself               400
    │   ├── AlreadyBanned          400
    │   └── NotBanned              400
    ├── Malformed                  422  a body that is no JSON object, a field missing or of the wrong type
    ├── Unauthorized               401  closes a socket with 4001
    ├── Forbidden                  403  closes a socket with 1008
    │   ├── Banned                 403
    │   └── UserDisabled           403
    ├── NotFound                   404
    │   ├── UserNotFound           404
    │   ├── VerificationNotFound   404
    │   └── RoomNotFound           404  closes a socket with 1008
    ├── Conflict                   409
    │   ├── UserExists             409
    │   ├── RoomExists             409
    │   ├── AlreadyJoined          409
    │   ├── NotAMember             409
    │   ├── OwnsRooms              409
    │   └── SeveralRegistrations   409
    └── Unavailable                503  try again after `retry_after` seconds; closes a socket with 1011

`code` is the stable word for programs, `message` the sentence for a person. Both may leave the daemon, so
neither ever holds a secret or an internal. Faults that are nobody's request (a store that does not answer) are not here: see
`reichatd.store.errors`.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class FieldProblem(NamedTuple):
    """One field of a request and what is wrong with it, in words for a person."""

    field: str
    problem: str


def in_words(problems: Sequence[FieldProblem]) -> str:
    """All problems in one sentence for a person."""
    return "; ".join(f"{field}: {problem}" for field, problem in problems)


class ReichatError(Exception):
    """A refusal that its asker may be told of.

    Arguments:
        message: a sentence for a person, in place of the class's own.
        problems: the fields that are to blame, if it is about fields.
    """

    status: ClassVar[int] = 500
    close_code: ClassVar[int] = 1011
    code: ClassVar[str] = "internal_error"
    text: ClassVar[str] = "Internal error"

    def __init__(self, message: str | None = None, problems: Sequence[FieldProblem] = ()) -> None:
        self.message = message or self.text
        self.problems = problems
        super().__init__(self.message)


class Invalid(ReichatError):
    status = 400
    close_code = 1008
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
    """The body is not what the call takes. `problems` names the fields, as far as there are any."""

    status = 422
    close_code = 1008
    code = "malformed"
    text = "Malformed request"


class Unauthorized(ReichatError):
    status = 401
    close_code = 4001
    code = "unauthorized"
    text = "Unauthorized"


class Forbidden(ReichatError):
    status = 403
    close_code = 1008
    code = "forbidden"
    text = "Forbidden"


class Banned(Forbidden):
    code = "banned"
    text = "You are banned from this room"


class UserDisabled(Forbidden):
    code = "user_disabled"
    text = "This account is disabled"


class NotFound(ReichatError):
    status = 404
    close_code = 1008
    code = "not_found"
    text = "Not found"


class UserNotFound(NotFound):
    code = "user_not_found"
    text = "User not found"


class VerificationNotFound(NotFound):
    code = "verification_not_found"
    text = "Verification not found"


class RoomNotFound(NotFound):
    code = "room_not_found"
    text = "Room not found"


class Conflict(ReichatError):
    status = 409
    close_code = 1008
    code = "conflict"
    text = "Conflict"


class UserExists(Conflict):
    code = "user_exists"
    text = "User already exists"


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


class SeveralRegistrations(Conflict):
    """An administrator has to say which."""

    code = "several_registrations"
    text = "Several registrations of this address"


class Unavailable(ReichatError):
    """The daemon cannot take this now. `retry_after` is in seconds."""

    status = 503
    close_code = 1011
    code = "unavailable"
    text = "Try again later"

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)
