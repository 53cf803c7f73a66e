"""Users: oneself, others, second factors, and access for programs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from reichatd.api.types.answers import Answer
from reichatd.api.types.rooms import RoomInShort
from reichatd.api.types.values import (
    AppPasswordId,
    Code,
    Email,
    Label,
    NewEmail,
    NewLabel,
    NewPassword,
    NewUsername,
    Password,
    RecoveryCode,
    TokenId,
    TokenRooms,
    TokenScopes,
    TotpCode,
    Username,
)
from reichatd.rooms.values import Time, UserId, meta


class Renaming(Struct, frozen=True):
    username: NewUsername


class ChangingPassword(Struct, frozen=True):
    password: Password
    new_password: NewPassword


class ChangingEmail(Struct, frozen=True):
    password: Password
    email: NewEmail


class VerifyingEmail(Struct, frozen=True):
    code: Code


class DeletingUser(Struct, frozen=True):
    """What happens to the messages: they are kept, without a name, or their contents are erased."""

    password: Password
    messages: Literal["keep", "erase"]


class ConfirmingPassword(Struct, frozen=True):
    password: Password


class ConfirmingTotp(Struct, frozen=True):
    code: TotpCode


class RemovingTotp(Struct, frozen=True):
    password: Password
    code: TotpCode


class CreatingAppPassword(Struct, frozen=True):
    name: NewLabel


class CreatingToken(Struct, frozen=True):
    """Without `rooms` it is for all your rooms, also those that you join later. Without `days` it does not expire."""

    name: NewLabel
    scopes: TokenScopes
    rooms: TokenRooms | None = None
    days: Annotated[int, Meta(description="How many days it is valid.", examples=[90], ge=1, le=3650)] | None = None


class UserDetails(Struct, frozen=True):
    """A user. `email` is `""` where the address is not shown."""

    email: Email
    username: Username


class Oneself(Answer, frozen=True, kw_only=True):
    user_id: UserId
    user_details: UserDetails
    rooms: list[RoomInShort]


class SomeUser(Answer, frozen=True, kw_only=True):
    user_details: UserDetails


class TotpState(Answer, frozen=True, kw_only=True):
    """Whether you have a second factor, and how many recovery codes you have not used yet."""

    enabled: bool
    recovery_codes: Annotated[int, Meta(ge=0, examples=[10])]


class TotpSecret(Answer, frozen=True, kw_only=True):
    """What an authenticator app needs: the secret to type, or the URI, or the URI as a QR code to scan."""

    secret: Annotated[str, meta("In base 32.", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    uri: Annotated[str, meta("An otpauth URI.", "otpauth://totp/chat.example.org:ada%40example.org?secret=JBSWY3DP…")]
    svg: Annotated[str, meta("An SVG image.", "<svg …</svg>")]


class RecoveryCodes(Answer, frozen=True, kw_only=True):
    recovery_codes: list[RecoveryCode]


class AppPasswordCreated(Answer, frozen=True, kw_only=True):
    """The password is shown this once."""

    app_password_id: AppPasswordId
    password: Annotated[str, meta("Spaces, hyphens and case do not matter.", "k3v9x-t2mqa-9wz4d-c7hpn")]


class AppPasswordInList(Struct, frozen=True, omit_defaults=True):
    """`used_at`, the last login with it, is absent if there was none."""

    app_password_id: AppPasswordId
    name: Label
    created_at: Time
    used_at: Time | None = None


class AppPasswords(Answer, frozen=True, kw_only=True):
    app_passwords: list[AppPasswordInList]


class TokenCreated(Answer, frozen=True, kw_only=True):
    """The token is shown this once."""

    token_id: TokenId
    token: Annotated[str, meta("A Bearer token.", "rct_2Xk…")]


class TokenInList(Struct, frozen=True, omit_defaults=True):
    """`rooms` is absent if it is for all, `used_at` if it was not used yet, `expires_at` if it does not expire."""

    token_id: TokenId
    name: Label
    scopes: TokenScopes
    created_at: Time
    rooms: TokenRooms | None = None
    used_at: Time | None = None
    expires_at: Time | None = None


class ProgramTokens(Answer, frozen=True, kw_only=True):
    tokens: list[TokenInList]


class BlockedUser(Struct, frozen=True):
    user_id: UserId
    username: Username


class Blocks(Answer, frozen=True, kw_only=True):
    blocks: list[BlockedUser]
