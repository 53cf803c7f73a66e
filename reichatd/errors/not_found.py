"""There is no such thing (404)."""

from reichatd.closing import POLICY_VIOLATION
from reichatd.errors.base import ReichatError


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
