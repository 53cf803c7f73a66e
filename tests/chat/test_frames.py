"""Decoding client frames and encoding server frames."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from reichatd.chat import frames
from reichatd.store import Message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type": "fetch", "from_id": 1, "to_id": 9}', frames.Fetch(1, 9)),
        ('{"to_id": -9, "from_id": 1, "type": "fetch"}', frames.Fetch(1, -9)),
        ('{"type": "fetch", "from_id": 1, "to_id": 9, "request": "[7]"}', frames.Fetch(1, 9, "[7]")),
        ('{"type": "set_last_read", "message_id": 7}', frames.SetLastRead(7)),
        ('{"type": "listen_latest"}', frames.ListenLatest()),
        ('{"type": "listen_latest", "after_id": null}', frames.ListenLatest()),
        ('{"type": "listen_latest", "after_id": 5}', frames.ListenLatest(5)),
        ('{"type": "message", "content": "hi"}', frames.SendMessage("hi")),
        ('{"type": "message", "content": "hi", "nonce": "n", "unknown": [1]}', frames.SendMessage("hi", "n")),
    ],
)
def test_frames_of_the_protocol(text: str, frame: frames.ClientFrame) -> None:
    assert frames.decode(text) == frame


@pytest.mark.parametrize(
    "text",
    [
        b'{"type": "listen_latest"}',
        "",
        "null",
        "[]",
        "{}",
        "{",
        '{"type": 1}',
        '{"type": "shout"}',
        '{"type": "fetch", "from_id": 1}',
        '{"type": "fetch", "from_id": "1", "to_id": 2}',
        '{"type": "fetch", "from_id": 1.5, "to_id": 2}',
        '{"type": "fetch", "from_id": true, "to_id": 2}',
        '{"type": "fetch", "from_id": 1, "to_id": 2, "request": 7}',
        '{"type": "message"}',
        '{"type": "message", "content": null}',
        '{"type": "message", "content": "\\ud800"}',
        '{"type": "message", "content": "a", "nonce": 1}',
        '{"type": "message", "content": "a", "x": ' + "[" * 50_000,
        '{"type": "message", "content": "a", "x": ' + '{"a":' * 50_000,
    ],
)
def test_an_invalid_frame_is_a_bad_frame(text: str | bytes) -> None:
    with pytest.raises(frames.BadFrame) as caught:
        frames.decode(text)
    assert str(caught.value)


@given(st.text() | JSON.map(json.dumps))
@example('{"type": "message", "content": "' + "\ud800" + '"}')
def test_any_text_is_a_frame_or_a_bad_frame(text: str) -> None:
    try:
        frame = frames.decode(text)
    except frames.BadFrame:
        return
    assert isinstance(frame, frames.ClientFrame)


@given(
    st.sampled_from(["fetch", "set_last_read", "listen_latest", "message"]),
    st.dictionaries(st.sampled_from(["from_id", "to_id", "message_id", "after_id", "content", "nonce"]), JSON),
)
def test_decoded_fields_have_their_types(kind: str, fields: dict[str, Any]) -> None:
    try:
        frame = frames.decode(json.dumps({**fields, "type": kind}))
    except frames.BadFrame:
        return
    # Decoded values fit their types: they can be encoded and decoded again.
    assert frames.decode(msgspec.json.encode(frame).decode()) == frame


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 2**40))
@example("x" * 70_000, 1)
@example("x" * 200, 1)
def test_a_websocket_client_reads_encoded_frames(content: str, message_id: int) -> None:
    message = Message(message_id, "u1", "Ada", "ada@example.org", content, 1_700_000_000.25)
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(frames.latest_message(frames.as_json(message, "everyone")))
    events = list(client.events())
    assert all(isinstance(event, TextMessage) for event in events)
    payload = json.loads("".join(event.data for event in events if isinstance(event, TextMessage)))
    assert payload == {
        "type": "latest_message",
        "message": {
            "message_id": message_id,
            "user_id": "u1",
            "username": "Ada",
            "email": "ada@example.org",
            "content": content,
            "timestamp": "2023-11-14T22:13:20.250000+00:00",
        },
    }


@given(
    st.lists(TEXT, max_size=10),
    st.integers(1, 2**40),
    st.integers(0, 2**40),
    st.none() | TEXT,
    st.data(),
)
def test_a_text_in_pieces_is_the_same_text(
    contents: list[str], first_id: int, last_id: int, request: str | None, data: st.DataObject
) -> None:
    shown = [
        frames.as_json(Message(1, "u1", "Ada", "ada@example.org", content, 0.25), "everyone") for content in contents
    ]
    before, behind = frames.around_messages(frames.FetchResponse([], first_id, last_id, request))
    parts = [before, *(b"," * (number > 0) + message for number, message in enumerate(shown)), behind]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(parts)), max_size=5)))
    pieces = b"".join(
        frames.piece(parts[start:end], is_first=number == 0, is_last=number == len(cuts))
        for number, (start, end) in enumerate(pairwise([0, *cuts, len(parts)]))
    )
    whole = frames.FetchResponse([msgspec.Raw(message) for message in shown], first_id, last_id, request)
    assert text_in(pieces) == text_in(frames.encode(whole))
    if not cuts:
        assert pieces == frames.encode(whole)


def text_in(data: bytes) -> str:
    """The one text message in these bytes, as a client decodes it."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(data)
    events = [event for event in client.events() if isinstance(event, TextMessage)]
    assert [event.message_finished for event in events].count(True) == 1
    assert events[-1].message_finished
    return "".join(event.data for event in events)


def test_an_error_has_no_empty_fields() -> None:
    plain = frames.error("bad_frame", "Not a frame")
    assert json.loads(plain[2:]) == {"type": "error", "code": "bad_frame", "message": "Not a frame"}
    limited = frames.error("rate_limited", "Wait", nonce="n", retry_after=0.5)
    assert json.loads(limited[2:]) == {
        "type": "error",
        "code": "rate_limited",
        "message": "Wait",
        "nonce": "n",
        "retry_after": 0.5,
    }


def test_a_deleted_author_has_a_name_that_no_user_can_have() -> None:
    shown = json.loads(frames.as_json(Message(1, "u1", "", "", "hello", 0.0), "everyone"))
    assert (shown["user_id"], shown["username"], shown["email"]) == ("u1", "(deleted)", "")
    assert not shown["username"].isalnum()


def test_last_id_and_request_are_shown_if_there_are_any() -> None:
    answer = b'{"type":"fetch_response","messages":[],"last_id":9,"request":""}'
    assert frames.encode(frames.FetchResponse([], last_id=9, request=""))[2:] == answer
    state = b'{"type":"initial_state","last_read_id":0,"messages":[],"last_id":9}'
    assert frames.encode(frames.InitialState(0, [], last_id=9))[2:] == state


def test_first_id_is_shown_unless_it_is_1() -> None:
    assert frames.encode(frames.FetchResponse([]))[2:] == b'{"type":"fetch_response","messages":[]}'
    assert frames.encode(frames.FetchResponse([], 7))[2:] == b'{"type":"fetch_response","messages":[],"first_id":7}'
    state = b'{"type":"initial_state","last_read_id":0,"messages":[]'
    assert frames.encode(frames.InitialState(0, []))[2:] == state + b"}"
    assert frames.encode(frames.InitialState(0, [], 7))[2:] == state + b',"first_id":7}'
