"""Registration, logins, sessions and tokens."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from reichatd.api.types.answers import Answer
from reichatd.api.types.values import (
    AccessTokenText,
    Code,
    Email,
    InviteToken,
    NewEmail,
    NewPassword,
    NewUsername,
    Password,
    RefreshTokenText,
    SessionId,
    TicketText,
    TotpCode,
)
from reichatd.rooms.values import Time, UserId, meta


class ProviderAnswer(Struct, frozen=True):
    """What the provider of a login adds to the URL."""

    state: Annotated[str, meta("The value that came with the login.", "Zk4…")] = ""
    code: Annotated[str, meta("The provider's code.", "SplxlO…")] = ""
    iss: Annotated[str, meta("The issuer of the provider (RFC 9207).", "…")] = ""
    error: Annotated[str, meta("Why nobody has logged in.", "access_denied")] = ""


class Registering(Struct, frozen=True):
    email: NewEmail
    password: NewPassword
    username: NewUsername
    invite: InviteToken | None = None


class Verifying(Struct, frozen=True):
    email: Email
    code: Code


class LoggingIn(Struct, frozen=True):
    """`password`: yours, or an app password. `totp` is needed with yours, if you have a second factor."""

    email: Email
    password: Password
    totp: TotpCode | None = None


class Redeeming(Struct, frozen=True):
    code: Annotated[str, meta("The code in the address of the page.", "gAAAAAB…")]
    invite: InviteToken | None = None


class ForgettingPassword(Struct, frozen=True):
    email: Email


class ResettingPassword(Struct, frozen=True):
    token: Annotated[str, meta("What came by mail: the end of the link.", "65f0c1…")]
    new_password: NewPassword


class Tokens(Struct, frozen=True):
    access_token: AccessTokenText
    refresh_token: RefreshTokenText
    type: Literal["Bearer"] = "Bearer"


class LoggedIn(Answer, frozen=True, kw_only=True):
    tokens: Tokens
    user_id: UserId


class AccessToken(Struct, frozen=True):
    access_token: AccessTokenText
    type: Literal["Bearer"] = "Bearer"


class Refreshed(Answer, frozen=True, kw_only=True):
    tokens: AccessToken


class Ticket(Answer, frozen=True, kw_only=True):
    """`expires_in` is in seconds."""

    ticket: TicketText
    expires_in: Annotated[int, Meta(ge=1, examples=[30])]


class Rotated(Answer, frozen=True, kw_only=True):
    tokens: Tokens


class LoginSession(Struct, frozen=True):
    """`device` is what the client says of itself, `address` where the login came from; both may be empty. `current`: this one."""

    session_id: SessionId
    device: Annotated[str, meta("The browser, or the program.", "Firefox on Linux")]
    address: Annotated[str, meta("An IP address.", "203.0.113.7")]
    created_at: Time
    used_at: Time
    current: bool


class LoginSessions(Answer, frozen=True, kw_only=True):
    sessions: list[LoginSession]


class Provider(Answer, frozen=True, kw_only=True):
    """The OpenID provider for logins. `name` is "" without a provider; `button` is "" if the client chooses the text."""

    name: Annotated[str, meta("The provider's name.", "Example accounts")]
    button: Annotated[str, meta("The text of the button.", "Log in with Example")]


class ProviderLink(Answer, frozen=True, kw_only=True):
    linked: Annotated[bool, Meta(description="Whether you can log in by the provider.", examples=[True])]


class LinkingProvider(Answer, frozen=True, kw_only=True):
    url: Annotated[str, meta("Where to send the browser.", "…/authorize?client_id=chat")]
