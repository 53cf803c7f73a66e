"""Frames as events: their bytes, their ids, and that they are made once for all."""

from reichatd.chat import frames
from reichatd.chat.events import Cursor, EventEncoder
from reichatd.messaging import as_part
from tests.chat.doubles import FakeMessages, message


def json_of(message_id: int) -> bytes:
    return frames.as_json(message(message_id), "everyone")


def test_ids_say_what_a_client_has() -> None:
    store = FakeMessages(3)
    edit, reaction = store.change(2), store.change(1, only_reactions=True)
    data = b"".join(
        (
            frames.latest_message(json_of(4)),
            frames.message_changed(frames.as_json(edit.message, "everyone")),
            frames.reactions_changed(reaction.message),
            frames.encode(frames.CaughtUp(4, 2)),
        )
    )
    events = EventEncoder().encode(data, Cursor(3, 0), is_chunked=False)
    assert events.cursors == [(4, 0), (4, 1), (4, 2), (4, 2)]
    lines = events.data.split(b"\n")
    assert lines[0::3] == [b"id: 4.0", b"id: 4.1", b"id: 4.2", b""]
    assert lines[1] == b'data: {"type":"latest_message","message":%b}' % json_of(4)
    assert events.data.endswith(b"\n\n")
    assert [events.data[:end].count(b"\n\n") for end in events.ends] == [1, 2, 3, 3]  # the last frame is no event


def test_in_chunks() -> None:
    frame = frames.latest_message(json_of(1))
    plain, chunk = (EventEncoder().encode(frame, Cursor(0, 0), is_chunked=each).data for each in (False, True))
    assert chunk == b"%x\r\n%b\r\n" % (len(plain), plain)
    assert as_part(b"", is_chunked=True) == b"", "an empty chunk would be the last"


def test_a_round_is_encoded_once_for_all_that_are_in_step() -> None:
    encoder, frame = EventEncoder(), frames.latest_message(json_of(1))
    first = encoder.encode(frame, Cursor(0, 0), is_chunked=True)
    assert encoder.encode(frame, Cursor(0, 0), is_chunked=True) is first
    assert encoder.encode(frame, Cursor(0, 1), is_chunked=True).cursors == [(1, 1)]
