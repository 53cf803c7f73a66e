"""The AsyncAPI document describes all frames: the frames of a real conversation match its schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reichatd.chat import frames
from reichatd.store import Message
from tests.client import Person, Talk, open_room, registered_user, talk_at
from tests.end_to_end.conftest import QUICK
from tests.process import running

Document = dict[str, Any]


def problems(document: Document, name: str, frame: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The errors in a frame, by the schema of this message."""
    payload = document["components"]["messages"][name]["payload"]
    # Draft 7 ignores keys beside a $ref, so the components go into an outer schema.
    schema = {"allOf": [payload], "components": document["components"]}
    return [error.message for error in Draft7Validator(schema).iter_errors(frame)]


def test_every_frame_has_an_operation_and_an_example(conversation: Document) -> None:
    messages = conversation["components"]["messages"]
    actions = {name: operation["action"] for name, operation in conversation["operations"].items()}
    assert actions.keys() == messages.keys()
    assert {name for name, action in actions.items() if action == "receive"} == {
        "fetch",
        "set_last_read",
        "listen_latest",
        "message",
        "edit",
        "delete",
        "react",
        "unreact",
        "pin",
        "unpin",
        "typing",
    }
    for name, message in messages.items():
        assert message["summary"]
        assert problems(conversation, name, message["examples"][0]["payload"]) == []


def test_the_limits_in_force_are_shown(conversation: Document) -> None:
    content = conversation["components"]["schemas"]["SendMessage"]["properties"]["content"]
    assert (content["minLength"], content["maxLength"]) == (1, 77)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("fetch", {"type": "fetch", "from_id": 1}),
        ("fetch", {"type": "fetch", "from_id": 1, "to_id": 1, "request": "x" * 65}),
        ("message", {"type": "message", "content": ""}),
        ("ack", {"type": "ack", "nonce": "1", "message_id": "1"}),
        ("error", {"type": "error", "code": "no_such_code", "message": ""}),
        ("latest_message", {"type": "latest_message", "message": {"message_id": 1}}),
        ("initial_state", {"type": "initial_state", "last_read_id": 0, "messages": [1]}),
    ],
)
def test_an_invalid_frame_is_rejected(conversation: Document, name: str, frame: Document) -> None:
    assert problems(conversation, name, frame)


def test_a_broadcast_matches_its_type() -> None:
    message = frames.as_json(Message(1, "id", "ada", "ada@example.org", "Hi", 0.0), "everyone")
    payload = frames.latest_message(message)[2:] if len(message) < 80 else frames.latest_message(message)[4:]
    assert payload == b'{"type":"latest_message","message":' + message + b"}"


class Recorder(Talk):
    """Records all frames, sent and received, with their keys in the document."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk.websocket)
        self.frames: list[tuple[str, Document]] = []

    async def send(self, type: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        self.frames.append((type, {"type": type, **fields}))
        await super().send(type, **fields)

    async def receive(self, type: str | None = None) -> Document:
        while True:
            frame = await super().receive()
            self.frames.append(("typing_users" if frame["type"] == "typing" else frame["type"], frame))
            if type in (None, frame["type"]):
                return frame


async def test_frames_of_a_real_conversation(tmp_path: Path) -> None:
    settings = {**QUICK, "REICHATD_LIMITS_MESSAGES_BURST": "3", "REICHATD_LIMITS_MESSAGES_PER_SECOND": "0.001"}
    async with (
        running(tmp_path, **settings) as daemon,
        await registered_user(daemon, "ada") as ada,
        await registered_user(daemon, "bob") as bob,
    ):
        room_id = await open_room(ada, bob)
        seen = await _talk(ada, room_id)
        seen += await _change(ada, bob, room_id)
        seen += await _follow(ada, bob, room_id)
        document = (await ada.http.get("/asyncapi.json")).json()
    assert {key for key, _ in seen} == document["components"]["messages"].keys()
    errors = {frame["code"] for key, frame in seen if key == "error"}
    assert errors == {"bad_frame", "bad_content", "bad_nonce", "fetch_too_large", "rate_limited"}
    for key, frame in seen:
        assert problems(document, key, frame) == [], json.dumps(frame)


async def _talk(ada: Person, room_id: str) -> list[tuple[str, Document]]:
    """Exchanges every type of frame of the first version of the contract."""
    async with ada.talk(room_id) as talk:
        recorder = Recorder(talk)
        await recorder.receive("initial_state")
        await recorder.send("listen_latest")
        for nonce in ("1", "2", "3"):
            await recorder.post("Grüße, \U0001f431", nonce)
        await recorder.send("message", content="Too many", nonce="4")
        await recorder.receive("error")
        await recorder.send("listen_latest", after_id=0)
        await recorder.fetch(1, 3)
        await recorder.send("fetch", from_id=1, to_id=3, request="7")
        assert (await recorder.receive("fetch_response"))["request"] == "7"
        await recorder.send("set_last_read", message_id=3)
        for frame in (
            {"type": "no_such_type"},
            {"type": "message", "content": ""},
            {"type": "message", "content": "Hi", "nonce": "n" * 65},
            {"type": "fetch", "from_id": 1, "to_id": 5000, "request": "8"},
        ):
            await talk.send(**frame)
            await recorder.receive("error")
    async with ada.talk(room_id) as talk:  # now the initial state has messages
        recorder.websocket = talk.websocket
        await recorder.receive("initial_state")
    return recorder.frames


async def _change(ada: Person, bob: Person, room_id: str) -> list[tuple[str, Document]]:
    """Changes messages, and looks who is typing and present."""
    async with ada.talk(room_id) as talk, bob.talk(room_id) as of_bob:
        recorder = Recorder(talk)
        await recorder.receive("initial_state")
        await of_bob.receive("initial_state")
        await recorder.send("listen_latest", after_id=3, after_change=0, want=["typing", "presence"])
        await recorder.receive("caught_up")
        await recorder.receive("presence")
        await of_bob.send("typing")
        await recorder.receive("typing")
        await recorder.send("typing")
        changes: tuple[tuple[str, Document], ...] = (
            ("react", {"message_id": 1, "emoji": "👍"}),
            ("unreact", {"message_id": 1, "emoji": "👍"}),
            ("pin", {"message_id": 1}),
            ("unpin", {"message_id": 1}),
            ("edit", {"message_id": 1, "content": "Grüße!", "if_change": 4}),
            ("delete", {"message_ids": [2]}),
        )
        for number, (type, fields) in enumerate(changes):
            await recorder.send(type, **fields, nonce=f"change {number}")
            # The changed message, and the ack.
            assert "ack" in {(await recorder.receive())["type"], (await recorder.receive())["type"]}
    return recorder.frames


async def _follow(ada: Person, bob: Person, room_id: str) -> list[tuple[str, Document]]:
    """Receives every type of frame of a user's socket."""
    den = await open_room(ada)
    async with (
        talk_at(f"{bob.url.replace('http', 'ws', 1)}/ws/user?token={bob.access_token}") as talk,
        bob.talk(room_id) as of_bob,
    ):
        recorder = Recorder(talk)
        await recorder.receive("hello")
        await of_bob.post("Hi", "1")
        assert {(await recorder.receive())["type"], (await recorder.receive())["type"]} == {"read", "room_news"}
        async with ada.talk(room_id) as of_ada:
            await of_ada.send("edit", message_id=1, content=f"@{bob.name}", nonce="change")
            await recorder.receive("mention")
        await ada.call("PUT", f"/room/{room_id}", name="Garden", description="")
        await recorder.receive("room_changed")
        await ada.call("PUT", "/user/username", username="Augusta")
        await recorder.receive("user_changed")
        await bob.call("POST", f"/room/{den}/join")
        await recorder.receive("joined")
        await ada.call("POST", f"/room/{den}/ban/{bob.user_id}")
        await recorder.receive("left")
    return recorder.frames
