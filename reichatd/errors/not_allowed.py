"""The client is not logged in (401), or may not do this (403)."""

from reichatd.closing import POLICY_VIOLATION, UNAUTHORIZED
from reichatd.errors.base import ReichatError


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
