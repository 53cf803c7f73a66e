"""Answers of 30 MB, over real sockets, with and without TLS. They arrive whole and in order, and never fill the memory."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.gateway.raw import CLOSE, CONTINUATION, TEXT, RawClient, text
from tests.gateway.running_daemon import RunningDaemon, running_daemon, wait_until
from tests.gateway.test_tls import trusted

COUNT = 1000
CONTENT = "\x01" * 4999 + "."
"""As long as a message may be. In JSON nearly every character takes six bytes."""
STALL_SECONDS = 3.0
SOCKETS = 20
MAX_MIB = 100
RESET_PEAK = "5"
"""Resets VmHWM; see proc(5), clear_refs."""
EVERYTHING = text("fetch", from_id=1, to_id=COUNT)


class LongRoom(NamedTuple):
    """A room with COUNT long messages, and its daemon."""

    daemon: RunningDaemon
    room: str


@pytest.fixture(scope="module", params=["plain", "tls"])
def long_room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongRoom]:
    directory = tmp_path_factory.mktemp("long_room")
    context, environ = trusted(directory) if request.param == "tls" else (None, {})
    environ["REICHATD_LIMITS_SLOW_READER_SECONDS"] = str(STALL_SECONDS)
    with running_daemon(directory, context, **environ) as daemon:
        room = daemon.room()
        with daemon.open_websocket(room) as client:
            post(client, CONTENT, COUNT)
        yield LongRoom(daemon, room)
        daemon.check()


def post(client: RawClient, content: str, count: int) -> int:
    """Posts `count` messages and waits for their acks. Returns the id of the last one."""
    for _ in range(count):
        client.send(text("message", content=content, nonce=secrets.token_hex(8)))
    last_id = 0
    for _ in range(count):
        last_id = client.next("ack")["message_id"]
    return last_id


def one_by_one(client: RawClient, first_id: int, last_id: int) -> bytes:
    """The answer to a fetch of these ids, put together from one fetch for each id."""
    before = b'{"type":"fetch_response","messages":['
    messages = []
    for message_id in range(first_id, last_id + 1):
        client.send(text("fetch", from_id=message_id, to_id=message_id))
        message, end, behind = client.frame().payload.removeprefix(before).rpartition(b"]")
        messages.append(message)
    return before + b",".join(messages) + end + behind


def begin_answer(client: RawClient, question: bytes = EVERYTHING) -> bytes:
    """Asks, and reads the first piece of the answer. The daemon must wait then: the answer is far larger than the kernel's buffers.

    Skips all messages before the answer.
    """
    client.send(question)
    is_last = True
    while is_last:
        is_last, opcode, begin = client.fragment()
        assert opcode == TEXT
    return begin


def rest(client: RawClient) -> bytes:
    """The further pieces, with nothing in between."""
    pieces, is_last = [], False
    while not is_last:
        is_last, opcode, piece = client.fragment()
        assert opcode == CONTINUATION
        pieces.append(piece)
    return b"".join(pieces)


def test_a_long_answer_is_complete_and_newer_messages_come_behind_it(long_room: LongRoom) -> None:
    daemon, room = long_room
    with daemon.open_websocket(room, daemon.bob) as bob, daemon.open_websocket(room) as ada:
        bob.send(text("listen_latest"))
        begin = begin_answer(bob)
        last_id = post(ada, "meanwhile", 20)
        assert begin + rest(bob) == one_by_one(ada, 1, COUNT)
        ids = [bob.next("latest_message")["message"]["message_id"] for _ in range(20)]
        assert ids == list(range(last_id - 19, last_id + 1))


def test_listening_continues_right_behind_the_answer(long_room: LongRoom) -> None:
    daemon, room = long_room
    with daemon.open_websocket(room, daemon.bob) as bob, daemon.open_websocket(room) as ada:
        last_id = post(ada, "before", 1)
        begin = begin_answer(bob, text("fetch", from_id=last_id - 799, to_id=last_id + 200))
        post(ada, "meanwhile", 20)
        bob.send(text("listen_latest"))
        post(ada, "asked", 1)
        shown = [message["message_id"] for message in json.loads(begin + rest(bob))["messages"]]
        assert len(shown) >= 800
        while shown[-1] < last_id + 21:
            shown.append(bob.next("latest_message")["message"]["message_id"])
        assert shown == list(range(last_id - 799, last_id + 22))


def test_only_a_close_frame_follows_an_answer_that_is_cut(long_room: LongRoom) -> None:
    daemon, room = long_room
    answer = daemon.call("POST", "/login", email="bob@example.org", password="a good password").json
    bob = daemon.bob._replace(access_token=answer["tokens"]["access_token"])
    with daemon.open_websocket(room, bob) as client, daemon.open_websocket(room) as ada:
        posts = b"".join(text("message", content="x", nonce=secrets.token_hex(8)) for _ in range(20))
        begin_answer(client, text("listen_latest") + posts + EVERYTHING)  # so that acks may wait behind the answer, too
        post(ada, "waits behind it", 1)
        assert daemon.call("POST", "/logout", by=bob).status == 200
        assert close_payload(client) == b"\x0f\xa1Session ended"


def test_a_client_that_reads_nothing_of_the_answer_gets_the_reason(long_room: LongRoom) -> None:
    daemon, room = long_room
    with daemon.open_websocket(room, daemon.bob) as client:
        client.send(text("listen_latest"))
        begin_answer(client)
        with daemon.open_websocket(room) as ada:
            post(ada, "waits behind it", 1)
        time.sleep(1.5 * STALL_SECONDS)
        assert close_payload(client) == b"\x03\xf5Reader too slow for too long"


def close_payload(client: RawClient) -> bytes:
    """The payload of the close frame that cuts an answer."""
    while True:
        is_last, opcode, payload = client.fragment()
        if opcode == CLOSE:
            return payload
        assert (is_last, opcode) == (False, CONTINUATION)


def test_many_unread_answers_need_little_memory(long_room: LongRoom) -> None:
    daemon, room = long_room
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.open_websocket(room)) for _ in range(SOCKETS)]
        before = memory_mib(daemon, "VmRSS")
        Path(f"/proc/{daemon.process.pid}/clear_refs").write_text(RESET_PEAK)
        for client in clients:
            client.send(EVERYTHING)
        wait_until(lambda: not any(daemon.is_connected_to(client) for client in clients))
        assert memory_mib(daemon, "VmHWM") - before < MAX_MIB


def memory_mib(daemon: RunningDaemon, field: str) -> float:
    """A field of the process's status; see proc(5)."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024
