"""What REST calls take and give: the contract with clients, as types.

A body holds whatever is of the right type: `reichatd.accounts` and `reichatd.rooms` know the rules. What a body does not name is
ignored, since old clients may send it.
"""

from msgspec import UNSET, Struct, UnsetType

# Bodies


class Registering(Struct, frozen=True):
    email: str
    password: str
    username: str


class Verifying(Struct, frozen=True):
    email: str
    code: str


class LoggingIn(Struct, frozen=True):
    email: str
    password: str


class Renaming(Struct, frozen=True):
    username: str


class ChangingPassword(Struct, frozen=True):
    password: str
    new_password: str


class CreatingRoom(Struct, frozen=True):
    name: str
    description: str
    password: str | None = None
    room_id: str | None = None


class ChangingRoom(Struct, frozen=True):
    """An absent password stays as it is; null or an empty one makes the room public."""

    name: str
    description: str
    password: str | UnsetType | None = UNSET


class Joining(Struct, frozen=True):
    password: str | None = None


# Answers


class Answer(Struct, frozen=True, kw_only=True):
    message: str = "ok"


class Tokens(Struct, frozen=True):
    access_token: str
    refresh_token: str
    type: str = "Bearer"


class LoggedIn(Answer, frozen=True, kw_only=True):
    tokens: Tokens
    user_id: str


class AccessToken(Struct, frozen=True):
    access_token: str
    type: str = "Bearer"


class Refreshed(Answer, frozen=True, kw_only=True):
    tokens: AccessToken


class Ticket(Answer, frozen=True, kw_only=True):
    """`expires_in` is in seconds."""

    ticket: str
    expires_in: int


class RoomInShort(Struct, frozen=True):
    room_id: str
    name: str
    description: str


class RoomInFull(Struct, frozen=True, omit_defaults=True):
    """`owner` and `users` are user ids, `created_at` is ISO 8601; `first_id` is where the log begins, if some was removed."""

    room_id: str
    name: str
    description: str
    owner: str
    private: bool
    users: tuple[str, ...]
    created_at: str
    first_id: int = 1


class UserDetails(Struct, frozen=True):
    email: str
    username: str


class Oneself(Answer, frozen=True, kw_only=True):
    user_id: str
    user_details: UserDetails
    rooms: list[RoomInShort]


class SomeUser(Answer, frozen=True, kw_only=True):
    user_details: UserDetails


class PublicRooms(Answer, frozen=True, kw_only=True):
    rooms: list[RoomInShort]


class JoinedRooms(Answer, frozen=True, kw_only=True):
    rooms: list[RoomInFull]


class SomeRoom(Answer, frozen=True, kw_only=True):
    room: RoomInFull


class RoomCreated(Answer, frozen=True, kw_only=True):
    room_id: str


class Ready(Answer, frozen=True, kw_only=True):
    """`checks`: what is to be said of each part, "ok" or what is wrong."""

    checks: dict[str, str]


class Seen(Answer, frozen=True, kw_only=True):
    """How a request arrives here.

    Arguments:
        peer: who has made the connection: the last proxy, if there is one.
        client: whom the daemon takes for the client.
        forwarded_for: X-Forwarded-For as it came, "" if it is absent.
        open_files: how many the daemon may have.
    """

    peer: str
    client: str
    forwarded_for: str
    open_files: int


class Problem(Struct, frozen=True):
    field: str
    problem: str


class Refusal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`message` is for a person, `code` for a program."""

    message: str
    code: str
    errors: list[Problem] = []


class NotReady(Refusal, frozen=True, kw_only=True):
    """As `Ready`, where something is wrong."""

    checks: dict[str, str]
