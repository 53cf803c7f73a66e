"""Proofs for the keys of changes: edits, deletions, reactions, pins and mentions."""

from pathlib import Path
from typing import Any

from tests.client import Talk
from tests.reload.proofs import proves
from tests.reload.running_parts import running_parts

_OTHER_EMOJI = {"emoji": "🎉", "message_id": 1}
_EMOJI = {"emoji": "👍", "message_id": 1}


async def _first_message(talk: Talk) -> None:
    await talk.receive("initial_state")
    await talk.post("first", "first")
    await talk.send("listen_latest", after_id=1, after_change=0)
    await talk.receive("caught_up")


async def _answer(talk: Talk, frame: str, **fields: object) -> str:
    """The code of the error, or "ack"."""
    await talk.send(frame, nonce="n", **fields)
    while True:
        answer = await talk.receive()
        if answer["type"] == "error":
            return str(answer["code"])
        if answer["type"] == "ack":
            return "ack"


_REFUSED: dict[str, tuple[float, str, dict[str, Any], str]] = {
    "limits.deletes": (1, "delete", {"message_ids": [1, 2]}, "bad_frame"),
    "limits.mentions": (0, "message", {"content": "x", "mentions": ["bob"]}, "bad_frame"),
    "limits.reactions_per_message": (1, "react", _OTHER_EMOJI, "too_many_reactions"),
    "limits.reactions_per_user": (1, "react", _OTHER_EMOJI, "too_many_reactions"),
    "limits.pins": (0, "pin", {"message_id": 1}, "too_many_pins"),
    "messages.edit_hours": (1e-9, "edit", {"message_id": 1, "content": "x"}, "edit_too_late"),
}
"""The new value, a frame that is refused with it, and the code."""


@proves(*_REFUSED)
async def a_limit_of_changes(directory: Path, key: str) -> None:
    value, frame, fields, code = _REFUSED[key]
    async with running_parts(directory) as running, running.talk() as talk:
        await _first_message(talk)
        assert await _answer(talk, "react", **_EMOJI) == "ack"
        running.reload(key, value)
        assert await _answer(talk, frame, **fields) == code


@proves("limits.fetch_single_ids")
async def the_single_ids_of_a_fetch(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await _first_message(talk)
        running.reload(key, 1)
        await talk.send("fetch", ids=[1, 2])
        assert (await talk.receive("error"))["code"] == "fetch_too_large"


@proves("limits.mentions_by_name")
async def the_mentions_by_name(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await _first_message(talk)
        await talk.send("message", content="@bob")
        assert (await talk.receive("latest_message"))["message"]["mentions"] == ["bob"]
        running.reload(key, 0)
        await talk.send("message", content="@bob")
        assert "mentions" not in (await talk.receive("latest_message"))["message"]


@proves("limits.room_mention_members")
async def the_room_mentions_of_members(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk("bob") as talk:
        await _first_message(talk)
        assert await _answer(talk, "message", content="x", mention_room=True) == "ack"
        running.reload(key, 1)
        await talk.send("message", content="x", mention_room=True, nonce="other")
        assert (await talk.receive("error"))["code"] == "forbidden"


@proves("limits.reactions_shown_users")
async def the_users_of_a_reaction(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await _first_message(talk)
        running.reload(key, 0)
        await talk.send("react", **_EMOJI)
        changed = await talk.receive("reactions_changed")
        assert changed["reactions"] == [{"emoji": "👍", "count": 1, "users": []}]


@proves("limits.reactions_live_listeners")
async def the_listeners_from_which_reactions_wait(directory: Path, key: str) -> None:
    async with running_parts(directory, {"limits.reactions_seconds": 60.0}) as running, running.talk() as talk:
        await _first_message(talk)
        running.reload(key, 0)
        assert await _answer(talk, "react", **_EMOJI) == "ack"
        assert await talk.synchronise() == []
        await talk.send("edit", message_id=1, content="edited")
        changed = await talk.receive("message_changed")
        assert changed["message"]["reactions"] == [{"emoji": "👍", "count": 1, "users": ["ada"]}]


@proves("limits.reactions_seconds")
async def how_long_reactions_wait(directory: Path, key: str) -> None:
    start = {"limits.reactions_live_listeners": 0, "limits.reactions_seconds": 60.0}
    async with running_parts(directory, start) as running, running.talk() as talk:
        await _first_message(talk)
        running.reload(key, 0.0)
        await talk.send("react", **_EMOJI)
        await talk.receive("reactions_changed")


@proves("limits.changes_per_minute", "limits.changes_burst")
async def the_changes_of_a_user(directory: Path, key: str) -> None:
    start = {"limits.changes_per_minute": 1e-6, "limits.changes_burst": 100}
    async with running_parts(directory, start) as running, running.talk() as talk:
        await _first_message(talk)
        for _ in range(3):
            assert await _answer(talk, "pin", message_id=1) == "ack"
        if key == "limits.changes_burst":
            running.reload(key, 1)
            assert [await _answer(talk, "unpin", message_id=1) for _ in range(2)] == ["ack", "rate_limited"]
        else:
            running.reload("limits.changes_burst", 1)
            assert await _answer(talk, "pin", message_id=1) == "ack"
            assert await _answer(talk, "pin", message_id=1) == "rate_limited"
            running.reload(key, 0.0)
            assert await _answer(talk, "pin", message_id=1) == "ack"
