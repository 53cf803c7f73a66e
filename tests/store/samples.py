"""Sample records for the contract tests, and helpers that store them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
import trio

from reichatd.store import (
    Appended,
    AuditEntry,
    Change,
    Changed,
    Confirmation,
    Invite,
    InviteOutcome,
    Keep,
    Outcome,
    Post,
    RegisterOutcome,
    Registration,
    Room,
    RotateOutcome,
    Session,
    Store,
    User,
    direct_pair,
)

T = TypeVar("T")


def registration(email: str = "ann@example.org", code_hash: str = "code", tries_left: int = 5) -> Registration:
    return Registration(email, "ann", "password", code_hash, tries_left, expires_at=100.0)


def user(user_id: str = "ann", email: str = "") -> User:
    return User(user_id, email or f"{user_id}@example.org", user_id.title(), "password", created_at=1.5)


def session(session_id: str = "laptop", user_id: str = "ann", expires_at: float = 100.0, network: str = "") -> Session:
    return Session(session_id, user_id, f"refresh of {session_id}", 1.5, expires_at, network)


def room(room_id: str = "lobby", users: Sequence[str] = ("ann", "bob"), password_hash: str | None = None) -> Room:
    return Room(room_id, f"The {room_id}", "Come in", users[0], password_hash, 1.5, tuple(users))


def direct(room_id: str = "whisper", one: str = "ann", other: str = "bob") -> Room:
    return Room(room_id, "Direct", "", "", "no hash", 1.5, (one, other), direct=direct_pair(one, other))


def post(content: str = "hello", user_id: str = "ann", room_id: str = "lobby", nonce: str | None = None) -> Post:
    return Post(room_id, user_id, content, 1_700_000_000.123456, nonce)


def stored(*message_ids: int) -> list[Appended]:
    return [Appended(Outcome.STORED, message_id) for message_id in message_ids]


async def change(store: Store, *changes: Change) -> list[Changed]:
    """Makes changes in one commit; returns the answers."""
    return (await store.messages.commit([], {}, changes)).changes


async def register(store: Store, one: Registration, at_most: int = 5) -> bool:
    """Whether the registration was stored."""
    return await store.users.register(one, at_most) is RegisterOutcome.REGISTERED


async def add_user(store: Store, user_id: str = "ann", email: str = "") -> User:
    someone = user(user_id, email)
    assert await register(store, registration(someone.email))
    assert await store.users.confirm(registration(someone.email), someone) == someone
    return someone


async def contents(store: Store, room_id: str = "lobby") -> list[str]:
    """Every text of a log; checks that its ids have no gap."""
    messages = await store.messages.range(room_id, 1, 1_000_000)
    assert [message.message_id for message in messages] == list(range(1, len(messages) + 1))
    return [message.content for message in messages]


async def read_mark(store: Store, user_id: str = "ann", room_id: str = "lobby") -> int | None:
    (mark,) = await store.messages.read_marks([(room_id, user_id)])
    return mark


async def at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Runs all calls concurrently; returns their results in the order of the calls."""
    answers: dict[int, T] = {}

    async def call(number: int) -> None:
        answers[number] = await calls[number]()

    async with trio.open_nursery() as nursery:
        for number in range(len(calls)):
            nursery.start_soon(call, number)
    return [answers[number] for number in range(len(calls))]


async def use_what_the_fifth_schema_had(store: Store, waiting: Registration) -> None:
    """Checks that the data of a store of schema 5 is there, and that later features work with it.

    It has the user ann with the session laptop, the room lobby of ann with the message "kept" and a ban of bob, and a registration.
    """
    assert await store.users.by_email("ann@example.org") == user()
    assert await store.sessions.of_user("ann") == [session(network="net")]
    assert await contents(store) == ["kept"]
    assert await store.rooms.bans("lobby") == ["bob"]
    assert await read_mark(store) == 1
    head = await store.rooms.head("lobby", "ann")
    assert head is not None
    assert (head.keep, head.is_member, head.is_moderator, head.direct, head.slow_seconds) == (
        Keep(7),
        True,
        False,
        None,
        0,
    )
    assert await store.sessions.rotate("laptop", 0, 2.0, 60.0) is RotateOutcome.ROTATED
    invite = Invite("i", "hash", "lobby", "ann", 1.5, 100.0, 1)
    assert await store.invites.create(invite, 5) is InviteOutcome.CREATED
    eve = waiting.confirmed("eve", 2.0)
    invited = msgspec.structs.replace(waiting, invite_id="i")
    assert await store.invites.confirm(invited, eve, 2.0, needed=True) == Confirmation(eve, invite)
    assert await store.members.set_moderator("lobby", "eve", True)
    assert (await store.messages.commit([post("new"), post("too", "eve")], {})).posts == stored(2, 3)
    assert await store.audit.add(AuditEntry(0, 1.0, "login", "ann")) == 1
