"""The bodies and answers of REST calls: the contract with clients, as types.

Only types are checked here; the rules for values are in `reichatd.accounts` and `reichatd.rooms`. Unknown fields of a body are
ignored, since old clients may send them.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

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
UserId = Annotated[str, _meta("A user's id; never changes.", "65f0c1d2e3a4b5968778695a")]
RoomId = Annotated[str, _meta("A room's id; never changes.", "lounge")]
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
AccessTokenText = Annotated[str, _meta("Needed for most calls; valid for minutes.", "eyJhbGciOi…")]
TicketText = Annotated[str, _meta("Opens one WebSocket; valid for seconds.", "Xo4c0…")]
RefreshTokenText = Annotated[str, _meta("Gets new access tokens; valid for days.", "wq3Zk9…")]

# Queries


class PublicPage(Struct, frozen=True):
    after: Annotated[str, _meta("The id of the last room of the page before.", "lounge")] | UnsetType = UNSET
    limit: Annotated[int, Meta(description="The most rooms.", examples=[1000], ge=1, le=1000)] = 1000


class ProviderAnswer(Struct, frozen=True):
    """What the provider of a login adds to the URL."""

    state: Annotated[str, _meta("The value that came with the login.", "Zk4…")] = ""
    code: Annotated[str, _meta("The provider's code.", "SplxlO…")] = ""
    iss: Annotated[str, _meta("The provider (RFC 9207).", "https://login.example.org")] | None = None
    error: Annotated[str, _meta("Why nobody has logged in.", "access_denied")] = ""


# Bodies


class Registering(Struct, frozen=True):
    email: NewEmail
    password: NewPassword
    username: NewUsername


class Verifying(Struct, frozen=True):
    email: Email
    code: Code


class LoggingIn(Struct, frozen=True):
    email: Email
    password: Password


class Redeeming(Struct, frozen=True):
    code: Annotated[str, _meta("The code in the address of the page.", "gAAAAAB…")]


class Renaming(Struct, frozen=True):
    username: NewUsername


class ChangingPassword(Struct, frozen=True):
    password: Password
    new_password: NewPassword


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


class Joining(Struct, frozen=True):
    password: RoomPassword | None = None


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


class Provider(Answer, frozen=True, kw_only=True):
    """By whom people can log in: an OpenID provider. `name` is "" if there is none, `button` "" if the client may word it."""

    name: Annotated[str, _meta("The provider's name.", "Example accounts")]
    button: Annotated[str, _meta("The text of the button.", "Log in with Example")]


class ProviderLink(Answer, frozen=True, kw_only=True):
    linked: Annotated[bool, Meta(description="Whether you can log in by the provider.", examples=[True])]


class LinkingProvider(Answer, frozen=True, kw_only=True):
    url: Annotated[str, _meta("Where to send the browser.", "https://login.example.org/authorize?client_id=chat")]


class RoomInShort(Struct, frozen=True):
    room_id: RoomId
    name: RoomName
    description: RoomDescription


class RoomInFull(Struct, frozen=True, omit_defaults=True):
    """A room. `owner` and `users`, the members, are user ids."""

    room_id: RoomId
    name: RoomName
    description: RoomDescription
    owner: UserId
    private: bool
    users: tuple[UserId, ...]
    created_at: Time
    first_id: FirstId = 1


class JoinedRoom(RoomInFull, frozen=True, omit_defaults=True):
    """A joined room, with the end of its log and how far you have read. Both are absent while they are 0."""

    last_id: Annotated[int, Meta(ge=0, examples=[1042])] = 0
    last_read_id: Annotated[int, Meta(ge=0, examples=[1000])] = 0


class UserDetails(Struct, frozen=True):
    email: Email
    username: Username


class Oneself(Answer, frozen=True, kw_only=True):
    user_id: UserId
    user_details: UserDetails
    rooms: list[RoomInShort]


class SomeUser(Answer, frozen=True, kw_only=True):
    user_details: UserDetails


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


Checks = Annotated[
    dict[str, str],
    Meta(description='The state of each part: "ok", or what is wrong.', examples=[{"store": "ok"}]),
]


class Ready(Answer, frozen=True, kw_only=True):
    """Every part works."""

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
