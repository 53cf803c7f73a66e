"""Values, and their descriptions in the contract. Nothing is checked here; `limits.…` stands for the setting's value."""

from typing import Annotated, Literal

from msgspec import Meta

from reichatd.rooms.values import RoomId, meta

Email = Annotated[str, meta("An e-mail address.", "ada@example.org")]

NewEmail = Annotated[str, meta("An e-mail address.", "ada@example.org", format="email", maxLength=254)]

Username = Annotated[str, meta("A user's name; not unique.", "ada")]

NewUsername = Annotated[
    str,
    meta(
        "Letters, marks and digits of any script; not unique.",
        "ada",
        minLength="limits.username_min",
        maxLength="limits.username_max",
    ),
]

Password = Annotated[str, meta("The password.", "a good password")]

NewPassword = Annotated[
    str,
    meta("A password.", "a good password", minLength="limits.password_min", maxLength="limits.password_max"),
]

Code = Annotated[str, meta("The code that came by mail; spaces in it are ignored.", "123456")]

TotpCode = Annotated[
    str,
    meta("A code of the authenticator app, or a recovery code; spaces are ignored. Each is good once.", "123456"),
]

RecoveryCode = Annotated[str, meta("Good once, in place of a code of the authenticator app.", "k3v9x-t2mqa")]

NewLabel = Annotated[
    str,
    meta("What you call it: one line with something visible.", "Phone", minLength=1, maxLength=64),
]

Label = Annotated[str, meta("The name that you gave it.", "Phone")]

AppPasswordId = Annotated[str, meta("The id of an app password.", "65f0c1d2e3a4b5968778695a")]

TokenId = Annotated[str, meta("The id of a token for programs.", "65f0c1d2e3a4b5968778695a")]

TokenScopes = Annotated[
    list[Literal["read", "write", "moderate"]],
    Meta(
        description="What the token may do: read what you can read; post, edit and delete your messages, react, join, leave and "
        "create rooms; lead your rooms (change them, kick, ban, delete messages of others, pin).",
        examples=[["read", "write"]],
    ),
]

TokenRooms = Annotated[
    list[RoomId],
    Meta(description="The rooms that it is for.", examples=[["lounge"]]),
]

NewRoomId = Annotated[
    str,
    meta(
        "An id of your choice: letters from a to z, and digits. It must differ from all others in more than case. "
        "Without one the room gets a random id.",
        "lounge",
        pattern="^[A-Za-z0-9]+$",
        minLength="limits.room_id_min",
        maxLength="limits.room_id_max",
    ),
]

NewRoomName = Annotated[
    str,
    meta(
        "One line with something visible; space around it is removed.",
        "Lounge",
        minLength=1,
        maxLength="limits.room_name_max",
    ),
]

NewRoomDescription = Annotated[str, meta("Any text.", "Where it begins", maxLength="limits.room_description_max")]

RoomPassword = Annotated[str, meta("The password that is needed to join.", "a shared word")]

NewRoomPassword = Annotated[
    str,
    meta(
        "The password that will be needed to join, with a minimum length; empty for none.",
        "a shared word",
        maxLength="limits.password_max",
    ),
]

AccessTokenText = Annotated[str, meta("Needed for most calls; valid for minutes.", "eyJhbGciOi…")]

TicketText = Annotated[str, meta("Opens one WebSocket; valid for seconds.", "Xo4c0…")]

RefreshTokenText = Annotated[str, meta("Gets new access tokens; valid for days.", "wq3Zk9…")]

SessionId = Annotated[str, meta("A login session's id.", "65f0c1d2e3a4b5968778695a")]

InviteToken = Annotated[str, meta("The secret of an invitation.", "dQw4w9WgXcQdQw4w9WgXcQ")]

InviteId = Annotated[str, meta("The id of an invitation; not its secret.", "65f0c1d2e3a4b5968778695b")]

InviteUses = Annotated[int, Meta(description="How many people may use it.", examples=[5], ge=1, le=1_000_000)]

RegistrationMode = Annotated[
    Literal["open", "invite", "closed"],
    Meta(
        description="Who may register: anyone, anyone with an invitation, or only people invited by an administrator."
    ),
]
