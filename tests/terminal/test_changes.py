"""Changes of messages in the terminal client: what it holds, what it shows, and what a person can type."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trio
from prompt_toolkit.formatted_text import fragment_list_to_text
from trio.testing import MockClock

from reichatd.terminal import frames
from reichatd.terminal.client import Login, ServerClient
from reichatd.terminal.connection import Connection
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import Message, Pinned, Reaction
from reichatd.terminal.transcript import Transcript
from tests.client import open_room, registered_user
from tests.end_to_end.conftest import QUICK
from tests.mail.server import until
from tests.process import running
from tests.terminal.terminal import chat
from tests.terminal.test_chat import CTRL_D, CTRL_U, ENTER, log_in

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def message(message_id: int, content: str = "text", change_id: int = 0, **more: object) -> Message:
    return Message(message_id, "bob", "bob", content, NOON, change_id, **more)  # type: ignore[arg-type]


@pytest.fixture
def server() -> ServerClient:
    return ServerClient("http://127.0.0.1:1", Login("ada@example.org", "ada", "access", "refresh"), lambda _: None)


@pytest.fixture
def conversation(server: ServerClient) -> Conversation:
    return Conversation(server, "lounge", lambda: None)


def connect(conversation: Conversation, server: ServerClient, *messages: Message, **more: object) -> None:
    state = frames.InitialState(2, list(messages), 1, len(messages), **more)  # type: ignore[arg-type]
    conversation.connected(Connection(conversation, server), state)


def states(conversation: Conversation) -> list[tuple[int, str, int]]:
    return [(each.message_id, each.content, each.change_id) for each in conversation.messages]


async def test_only_later_states_are_taken(conversation: Conversation, server: ServerClient) -> None:
    connect(conversation, server, message(1), message(2, "two", 3), change_id=3, log="log")
    conversation.change(message(2, "newer", 5))
    conversation.change(message(2, "older", 4))
    conversation.change(message(9, "not here", 7))
    conversation.change_reactions(frames.ReactionsChanged(6, 2, [Reaction("👍", 1)]))
    conversation.change_reactions(frames.ReactionsChanged(5, 2, []))
    conversation.change_reactions(frames.ReactionsChanged(8, 9, []))
    assert (states(conversation), conversation.change_id) == ([(1, "text", 0), (2, "newer", 6)], 8)
    assert conversation.messages[1].reactions == [Reaction("👍", 1)]
    assert conversation.listen_frame() == frames.ListenLatest(2, 8, 1, "log")
    conversation.caught_up(12)
    assert conversation.listen_frame().after_change == 12


async def test_another_log_is_begun_afresh(conversation: Conversation, server: ServerClient) -> None:
    connect(conversation, server, message(1, "old"), change_id=3, log="log")
    connect(conversation, server, message(1, "ignored"), change_id=9, log="log")
    assert (states(conversation), conversation.change_id) == ([(1, "old", 0)], 3)
    connect(conversation, server, message(1, "new"), change_id=1, log="other")
    assert (states(conversation), conversation.change_id, conversation.log) == ([(1, "new", 0)], 1, "other")


async def test_an_old_server_is_asked_for_nothing_new(conversation: Conversation, server: ServerClient) -> None:
    connect(conversation, server, message(1))
    assert frames.encode(conversation.listen_frame()) == '{"type":"listen_latest","after_id":1}'
    assert frames.encode(frames.Post("Hi", "n")) == '{"type":"message","content":"Hi","nonce":"n"}'
    conversation.send(frames.Delete([1], "n"))
    assert "too old" in conversation.notice
    # The daemon is upgraded meanwhile: all changes of the known messages come.
    connect(conversation, server, message(1), change_id=40, log="log")
    assert conversation.listen_frame() == frames.ListenLatest(1, 0, 1, "log")


async def test_who_types_is_forgotten(
    conversation: Conversation, server: ServerClient, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    connection = Connection(conversation, server)
    nursery.start_soon(connection.forget_typing)
    for _ in range(3):
        conversation.types(["ada", "bob"])
        connection.heard_typing.set()
        await trio.sleep(5)
        assert conversation.typing == ["bob"]
    await trio.sleep(2)
    assert conversation.typing == []


def shown(conversation: Conversation, transcript: Transcript | None = None) -> Sequence[str]:
    transcript = transcript or Transcript(conversation)
    return [fragment_list_to_text(line) for line in transcript.lines(40, 30)][1:]


async def test_what_a_message_shows(conversation: Conversation, server: ServerClient) -> None:
    long = "a first line that is much too long for it all\nand another"
    connect(
        conversation,
        server,
        message(1, long, 1, edited_at=NOON, pinned=Pinned("bob")),
        message(2, "Hi @ada", mentions=["ada"], reply_to=1, reactions=[Reaction("👍", 2), Reaction("a\x1b", 1)]),
        message(3, "(deleted)", 2, deleted="moderator"),
        message(4, "all", mention_room=True, reply_to=99),
    )
    conversation.is_complete = False
    transcript = Transcript(conversation)
    assert shown(conversation, transcript) == [
        "12:00 bob  a first line that is much too",
        "      long for it all",
        "      and another",
        "      edited · pinned",
        "      ↳ bob: a first line that is much …",
        "12:00»bob  Hi @ada",
        "      👍 2 · a\ufffd 1",
        "── new",
        "12:00 bob  (deleted)",
        "      by a moderator",
        "      ↳ message 99",
        "12:00»bob  all",
    ]
    conversation.change(message(1, "short", 5))
    transcript.numbered = True
    lines = shown(conversation, transcript)
    assert lines[:3] == ["#1    bob  short", "      ↳ bob: short", "#2   »bob  Hi @ada"]


async def test_a_person_edits_replies_reacts_and_deletes(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
    ):
        room_id = await open_room(bob, ada, name="Lounge")
        other = await open_room(bob, ada, name="Attic", room_id="attic")
        async with (
            bob.talk(room_id) as talk,
            chat(tmp_path, daemon.url, room_id, "--email", ada.email, "--typing") as terminal,
        ):
            await log_in(terminal, ada.email)
            await terminal.see("Lounge · online")
            await talk.post("Lunch at @ada?", "1")
            await terminal.see("»bob  Lunch at @ada?")
            terminal.type("/reply")
            await terminal.see("#1   »bob")
            terminal.type(f" Yes{ENTER}")
            await terminal.see("↳ bob: Lunch at @ada?", "ada  Yes")
            terminal.type(f"/edit{ENTER}")
            await terminal.see("> /edit 2 Yes")
            terminal.type(f", soon{ENTER}")
            await terminal.see("ada  Yes, soon", "edited")
            terminal.type(f"/react 1 +1{ENTER}")
            await terminal.see("👍 1")
            await talk.send("react", message_id=1, emoji="👍", nonce="2")
            await terminal.see("👍 2")
            terminal.type(f"/unreact 1 +1{ENTER}")
            await terminal.see("👍 1")
            await talk.send("pin", message_id=1, nonce="3")
            await terminal.see("pinned")
            terminal.type(f"/pins{ENTER}")
            await terminal.see("#1  bob  Lunch at @ada?")
            async with bob.talk(other) as elsewhere:
                await elsewhere.post("Are you here, @ada?", "1")
            terminal.type(f"/unread{ENTER}")
            await terminal.see("1  Attic (attic), 1 for you")
            await talk.send("typing")
            await terminal.see("bob …")
            terminal.type(f"/edit 1 mine{ENTER}")
            await terminal.see("You may not do this to this message")
            await talk.send("edit", message_id=1, content="Dinner?", nonce="4")
            await terminal.see("bob  Dinner?", "↳ bob: Dinner?")
            terminal.type(f"{CTRL_U}/delete 2{ENTER}")
            await terminal.see("ada  (deleted)")
            await terminal.miss("↳")
            terminal.type(CTRL_D)
            assert await terminal.ended() == 0


async def test_changes_while_the_client_is_offline(tmp_path: Path) -> None:
    async with (
        running(tmp_path, **QUICK) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
    ):
        room_id = await open_room(bob, ada)
        login = Login(ada.email, ada.user_id, ada.access_token, ada.refresh_token)
        async with bob.talk(room_id) as talk, ServerClient(daemon.url, login, lambda _: None) as server:
            await talk.post("Before", "1")
            conversation = Conversation(server, room_id, lambda: None)
            conversation.send(frames.React(1, "👍", "n"))
            assert conversation.notice == "this is only possible online"

            def has(content: str) -> bool:
                return [each.content for each in conversation.messages] == [content]

            for number, content in enumerate(("Before", "After", "(deleted)")):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(conversation.run)
                    await until(partial(has, content))
                    assert conversation.messages[0].change_id == number
                    nursery.cancel_scope.cancel()
                await talk.send("edit", message_id=1, content="After", nonce=f"e{number}")
                if number == 1:
                    await talk.send("delete", message_ids=[1], nonce="d")
                while (await talk.receive())["nonce"] != ("d" if number == 1 else f"e{number}"):
                    pass
