"""The bodies and answers of REST calls: the contract with clients, as types.

Only types are checked here; the rules for values are in `reichatd.accounts` and `reichatd.rooms`. Unknown fields of a body are
ignored, since old clients may send them.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from reichatd.rooms.fields import MUTE_SECONDS_MAX, SLOW_SECONDS_MAX

# Values, and their descriptions in the contract. Nothing is checked here; `limits.…` stands for the setting's value.


def _meta(description: str, example: str, **schema: str | int) -> Meta:
    return Meta(description=description, examples=[example], extra_json_schema=schema or None)


Email = Annotated[str, _meta("An e-mail address.", "ada@example.org")]
NewEmail = Annotated[str, _meta("An e-mail address.", "ada@example.org", format="email", maxLength=254)]
Username = Annotated[str, _meta("A user's name; not unique.", "ada")]
NewUsername = Annotated[
    str,
    _meta(
        "Letters, marks and digits of any script; not unique.",
        "ada",
        minLength="limits.username_min",
        maxLength="limits.username_max",
    ),
]
Password = Annotated[str, _meta("The password.", "a good password")]
NewPassword = Annotated[
    str,
    _meta("A password.", "a good password", minLength="limits.password_min", maxLength="limits.password_max"),
]
Code = Annotated[str, _meta("The code that came by mail; spaces in it are ignored.", "123456")]
TotpCode = Annotated[
    str,
    _meta("A code of the authenticator app, or a recovery code; spaces are ignored. Each is good once.", "123456"),
]
RecoveryCode = Annotated[str, _meta("Good once, in place of a code of the authenticator app.", "k3v9x-t2mqa")]
NewLabel = Annotated[
    str,
    _meta("What you call it: one line with something visible.", "Phone", minLength=1, maxLength=64),
]
Label = Annotated[str, _meta("The name that you gave it.", "Phone")]
AppPasswordId = Annotated[str, _meta("The id of an app password.", "65f0c1d2e3a4b5968778695a")]
TokenId = Annotated[str, _meta("The id of a token for programs.", "65f0c1d2e3a4b5968778695a")]
TokenScopes = Annotated[
    list[Literal["read", "write", "moderate"]],
    Meta(
        description="What the token may do: read what you can read; post messages, join, leave and create rooms; lead your rooms "
        "(change them, kick, ban).",
        examples=[["read", "write"]],
    ),
]
UserId = Annotated[str, _meta("A user's id; never changes.", "65f0c1d2e3a4b5968778695a")]
RoomId = Annotated[str, _meta("A room's id; never changes.", "lounge")]
TokenRooms = Annotated[
    list[RoomId],
    Meta(description="The rooms that it is for.", examples=[["lounge"]]),
]
NewRoomId = Annotated[
    str,
    _meta(
        "An id of your choice: letters from a to z, and digits. It must differ from all others in more than case. "
        "Without one the room gets a random id.",
        "lounge",
        pattern="^[A-Za-z0-9]+$",
        minLength="limits.room_id_min",
        maxLength="limits.room_id_max",
    ),
]
RoomName = Annotated[str, _meta("A room's name; one line.", "Lounge")]
NewRoomName = Annotated[
    str,
    _meta(
        "One line with something visible; space around it is removed.",
        "Lounge",
        minLength=1,
        maxLength="limits.room_name_max",
    ),
]
RoomDescription = Annotated[str, _meta("Any text.", "Where it begins")]
NewRoomDescription = Annotated[str, _meta("Any text.", "Where it begins", maxLength="limits.room_description_max")]
RoomPassword = Annotated[str, _meta("The password that is needed to join.", "a shared word")]
NewRoomPassword = Annotated[
    str,
    _meta(
        "The password that will be needed to join, with a minimum length; empty for none.",
        "a shared word",
        maxLength="limits.password_max",
    ),
]
FirstId = Annotated[
    int,
    Meta(description="The first message id of the room's log, if older messages have been removed.", examples=[1001]),
]
Time = Annotated[str, _meta("ISO 8601, UTC.", "2026-01-31T12:00:00.000000+00:00", format="date-time")]
SlowSeconds = Annotated[
    int,
    Meta(
        description="Slow mode: seconds from one message of a member to the next; 0 for none.",
        examples=[30],
        extra_json_schema={"minimum": 0, "maximum": SLOW_SECONDS_MAX},
    ),
]
MembersPin = Annotated[bool, Meta(description="Whether members may pin messages; owner and moderators may always.")]
AccessTokenText = Annotated[str, _meta("Needed for most calls; valid for minutes.", "eyJhbGciOi…")]
TicketText = Annotated[str, _meta("Opens one WebSocket; valid for seconds.", "Xo4c0…")]
RefreshTokenText = Annotated[str, _meta("Gets new access tokens; valid for days.", "wq3Zk9…")]
SessionId = Annotated[str, _meta("A login session's id.", "65f0c1d2e3a4b5968778695a")]

InviteToken = Annotated[str, _meta("The secret of an invitation.", "dQw4w9WgXcQdQw4w9WgXcQ")]
InviteId = Annotated[str, _meta("The id of an invitation; not its secret.", "65f0c1d2e3a4b5968778695b")]
InviteUses = Annotated[int, Meta(description="How many people may use it.", examples=[5], ge=1, le=1_000_000)]
RegistrationMode = Annotated[
    Literal["open", "invite", "closed"],
    Meta(
        description="Who may register: anyone, anyone with an invitation, or only people invited by an administrator."
    ),
]

# Queries


class PublicPage(Struct, frozen=True):
    after: Annotated[str, _meta("The id of the last room of the page before.", "lounge")] | UnsetType = UNSET
    limit: Annotated[int, Meta(description="The most rooms.", examples=[1000], ge=1, le=1000)] = 1000


class ProviderAnswer(Struct, frozen=True):
    """What the provider of a login adds to the URL."""

    state: Annotated[str, _meta("The value that came with the login.", "Zk4…")] = ""
    code: Annotated[str, _meta("The provider's code.", "SplxlO…")] = ""
    iss: Annotated[str, _meta("The issuer of the provider (RFC 9207).", "…")] = ""
    error: Annotated[str, _meta("Why nobody has logged in.", "access_denied")] = ""


class AuditPage(Struct, frozen=True):
    before: Annotated[int, Meta(description="Only entries with lower numbers.", examples=[1000], ge=1, le=2**62)] = (
        2**62
    )
    limit: Annotated[int, Meta(description="The most entries.", examples=[100], ge=1, le=1000)] = 100


class PeoplePage(Struct, frozen=True):
    after: Annotated[str, _meta("The last user id of the page before.", "65f0c1d2e3a4b5968778695a")] = ""
    limit: Annotated[int, Meta(description="The most users.", examples=[100], ge=1, le=1000)] = 100


class BansPage(Struct, frozen=True):
    """Without `limit` there is one page with all."""

    after: Annotated[str, _meta("The last user id of the page before.", "65f0c1d2e3a4b5968778695a")] = ""
    limit: Annotated[int, Meta(description="The most users.", examples=[100], ge=1, le=1000)] | UnsetType = UNSET


# Bodies


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
    code: Annotated[str, _meta("The code in the address of the page.", "gAAAAAB…")]
    invite: InviteToken | None = None


class Renaming(Struct, frozen=True):
    username: NewUsername


class ChangingPassword(Struct, frozen=True):
    password: Password
    new_password: NewPassword


class ForgettingPassword(Struct, frozen=True):
    email: Email


class ResettingPassword(Struct, frozen=True):
    token: Annotated[str, _meta("What came by mail: the end of the link.", "65f0c1…")]
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


class CreatingRoom(Struct, frozen=True):
    name: NewRoomName
    description: NewRoomDescription
    password: NewRoomPassword | None = None
    room_id: NewRoomId | None = None


class ChangingRoom(Struct, frozen=True):
    """Without `password` the room keeps its password; null or an empty one makes it public."""

    name: NewRoomName
    description: NewRoomDescription
    password: NewRoomPassword | UnsetType | None = UNSET
    slow_seconds: SlowSeconds | UnsetType = UNSET
    members_pin: MembersPin | UnsetType = UNSET


class OpeningDirect(Struct, frozen=True):
    """`user_id` is the other user's."""

    user_id: UserId


class Joining(Struct, frozen=True):
    password: RoomPassword | None = None


class Inviting(Struct, frozen=True):
    """Without `uses` any number of people may use it; without `days` it is valid for as long as the settings say."""

    uses: InviteUses | None = None
    days: (
        Annotated[
            int,
            Meta(
                description="How many days it is valid.",
                examples=[7],
                ge=1,
                extra_json_schema={"maximum": "limits.invite_days_max"},
            ),
        ]
        | None
    ) = None


class Transferring(Struct, frozen=True):
    user_id: UserId


class Muting(Struct, frozen=True):
    """`seconds` is how long, from now on; null ends a mute."""

    seconds: Annotated[int, Meta(examples=[3600], extra_json_schema={"minimum": 1, "maximum": MUTE_SECONDS_MAX})] | None


# Answers. The names of these classes, as of those above, are the names of the schemas in the OpenAPI document: generated clients
# have them, so they do not change.


class Answer(Struct, frozen=True, kw_only=True):
    message: Literal["ok"] = "ok"


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
    device: Annotated[str, _meta("The browser, or the program.", "Firefox on Linux")]
    address: Annotated[str, _meta("An IP address.", "203.0.113.7")]
    created_at: Time
    used_at: Time
    current: bool


class LoginSessions(Answer, frozen=True, kw_only=True):
    sessions: list[LoginSession]


class Provider(Answer, frozen=True, kw_only=True):
    """The OpenID provider for logins. `name` is "" without a provider; `button` is "" if the client chooses the text."""

    name: Annotated[str, _meta("The provider's name.", "Example accounts")]
    button: Annotated[str, _meta("The text of the button.", "Log in with Example")]


class ProviderLink(Answer, frozen=True, kw_only=True):
    linked: Annotated[bool, Meta(description="Whether you can log in by the provider.", examples=[True])]


class LinkingProvider(Answer, frozen=True, kw_only=True):
    url: Annotated[str, _meta("Where to send the browser.", "…/authorize?client_id=chat")]


class RoomInShort(Struct, frozen=True):
    room_id: RoomId
    name: RoomName
    description: RoomDescription


class RoomInFull(Struct, frozen=True, omit_defaults=True):
    """A room. `owner` and `users`, the members, are user ids.

    `slow_seconds`, `members_pin` and `owner_is_member` are absent while they are 0, false and true. A direct conversation has no
    owner: to each of its two users, `name` and `owner` are those of the other.
    """

    room_id: RoomId
    name: RoomName
    description: RoomDescription
    owner: UserId
    private: bool
    users: tuple[UserId, ...]
    created_at: Time
    first_id: FirstId = 1
    slow_seconds: SlowSeconds = 0
    members_pin: MembersPin = False
    owner_is_member: Annotated[bool, Meta(description="False if the owner has left the room.")] = True


RoleName = Literal["owner", "moderator", "member"]


class JoinedRoom(RoomInFull, frozen=True, omit_defaults=True, kw_only=True):
    """A joined room, with the end of its log and how far you have read, both absent while they are 0; and what you are in it.

    `muted_until` is there while `muted` is true.
    """

    last_id: Annotated[int, Meta(ge=0, examples=[1042])] = 0
    last_read_id: Annotated[int, Meta(ge=0, examples=[1000])] = 0
    kind: Literal["room", "direct"]
    role: RoleName
    muted: bool
    muted_until: Time | UnsetType = UNSET


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

    secret: Annotated[str, _meta("In base 32.", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    uri: Annotated[str, _meta("An otpauth URI.", "otpauth://totp/chat.example.org:ada%40example.org?secret=JBSWY3DP…")]
    svg: Annotated[str, _meta("An SVG image.", "<svg …</svg>")]


class RecoveryCodes(Answer, frozen=True, kw_only=True):
    recovery_codes: list[RecoveryCode]


class AppPasswordCreated(Answer, frozen=True, kw_only=True):
    """The password is shown this once."""

    app_password_id: AppPasswordId
    password: Annotated[str, _meta("Spaces, hyphens and case do not matter.", "k3v9x-t2mqa-9wz4d-c7hpn")]


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
    token: Annotated[str, _meta("A Bearer token.", "rct_2Xk…")]


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


class PublicRooms(Answer, frozen=True, kw_only=True):
    rooms: list[RoomInShort]


class JoinedRooms(Answer, frozen=True, kw_only=True):
    rooms: list[JoinedRoom]


class SomeRoom(Answer, frozen=True, kw_only=True):
    room: RoomInFull


class RoomCreated(Answer, frozen=True, kw_only=True):
    room_id: RoomId


class BannedUser(Struct, frozen=True):
    user_id: UserId
    username: Username


class Bans(Answer, frozen=True, kw_only=True):
    bans: list[BannedUser]


class DirectOpened(Answer, frozen=True, kw_only=True):
    """A direct conversation; with status 201 it is new."""

    room_id: RoomId


class BlockedUser(Struct, frozen=True):
    user_id: UserId
    username: Username


class Blocks(Answer, frozen=True, kw_only=True):
    blocks: list[BlockedUser]


class InviteCreated(Answer, frozen=True, kw_only=True):
    """`invite` is shown only here."""

    invite_id: InviteId
    invite: InviteToken
    url: Annotated[str, Meta(description="The page of the web client that opens it.")]
    expires_at: Time


class RoomInvite(Struct, frozen=True, omit_defaults=True):
    """A valid invitation. `created_by` is empty for an administrator; without `uses_left` any number of people may use it."""

    invite_id: InviteId
    created_by: UserId
    created_at: Time
    expires_at: Time
    uses_left: InviteUses | None = None


class Invites(Answer, frozen=True, kw_only=True):
    invites: list[RoomInvite]


class ShownInvite(Answer, frozen=True, kw_only=True):
    """What an invitation opens. `room` is null for an invitation to the server."""

    room: RoomInShort | None
    expires_at: Time


class InviteUsed(Answer, frozen=True, kw_only=True):
    room_id: RoomId


class AuditLine(Struct, frozen=True, omit_defaults=True):
    """An entry of the audit log. `actor` is a user id, "administrator", or "" without a login. The names are the current ones."""

    number: Annotated[int, Meta(description="Grows with each entry.", examples=[1042], ge=1)]
    at: Time
    event: Annotated[str, _meta("What was done.", "banned")]
    actor: Annotated[str, _meta("Who did it.", "65f0c1d2e3a4b5968778695a")]
    actor_name: str = ""
    user_id: Annotated[str, _meta("The user that it was done to, if not the actor.", "65f0c1d2e3a4b5968778695c")] = ""
    username: str = ""
    detail: Annotated[str, _meta("More, in a few words.", "")] = ""


class RoomAudit(Answer, frozen=True, kw_only=True):
    """Newest first."""

    entries: list[AuditLine]


class Member(Struct, frozen=True, omit_defaults=True):
    """A member of a room. `muted_until` is there while they are muted."""

    user_id: UserId
    username: Username
    role: RoleName
    joined_at: Time
    muted_until: Time | UnsetType = UNSET


class Members(Answer, frozen=True, kw_only=True):
    members: list[Member]


class MessageLimits(Struct, frozen=True, kw_only=True):
    """The limits of a message: a longer one is refused, however often it is sent."""

    message_chars: Annotated[
        int, Meta(description="Characters of a message's content: Unicode code points.", examples=[5000])
    ]
    frame_bytes: Annotated[
        int, Meta(description="Bytes of a WebSocket message: its JSON text in UTF-8.", examples=[65536])
    ]


class About(Answer, frozen=True, kw_only=True):
    """Facts about this daemon. `code_by`: whether verification codes come by mail, or are printed where the daemon runs."""

    limits: MessageLimits
    code_by: Literal["mail", "console"]
    registration: RegistrationMode


Checks = Annotated[
    dict[str, str],
    Meta(description='The state of each part: "ok", or what is wrong.', examples=[{"store": "ok"}]),
]


class Ready(Answer, frozen=True, kw_only=True):
    """Every part works; with an almost full disk, everything but posts does."""

    checks: Checks


class Seen(Answer, frozen=True, kw_only=True):
    """How a request arrives here."""

    peer: Annotated[str, _meta("The address that made the connection: the last proxy, if there is one.", "127.0.0.1")]
    client: Annotated[str, _meta("The address that the daemon takes for the client's.", "203.0.113.7")]
    host: Annotated[
        str, _meta("The Host header as received; the Origin of a page must have this host.", "chat.example.org")
    ]
    forwarded_for: Annotated[str, _meta('The X-Forwarded-For header as received, "" if absent.', "203.0.113.7")]
    open_files: Annotated[int, Meta(description="The most open files that the daemon may have.", examples=[65536])]


class Problem(Struct, frozen=True):
    """What is wrong with one field of a body."""

    field: str
    problem: str


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every error. `message` is for a person, `code` for a program."""

    message: Annotated[str, _meta("A sentence for a person.", "Room not found")]
    code: Annotated[str, _meta("The same for a program; stable.", "room_not_found")]
    errors: list[Problem] = []


class NotReady(Refusal, frozen=True, kw_only=True):
    """As `Ready`, if something is wrong."""

    checks: Checks
