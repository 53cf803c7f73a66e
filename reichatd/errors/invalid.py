"""The request cannot be carried out as it is (400), or cannot be read (422)."""

from collections.abc import Sequence

from reichatd.closing import POLICY_VIOLATION
from reichatd.errors.base import FieldProblem, ReichatError, in_words


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
