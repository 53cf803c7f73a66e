"""Answers of 30 MB, over real sockets, with and without TLS: whole, in order, and never all of it in memory."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.gateway.house import House, house, wait_until
from tests.gateway.raw import CLOSE, CONTINUATION, TEXT, Wire, text
from tests.gateway.test_tls import trusted

COUNT = 1000
CONTENT = "\x01" * 4999 + "."
"""As long as a message may be, and six bytes for nearly each character in JSON."""
STALL_SECONDS = 3.0
SOCKETS = 20
MOST_MIB = 100
RESET_PEAK = "5"
"""What makes VmHWM begin anew; see proc(5), clear_refs."""
EVERYTHING = text("fetch", from_id=1, to_id=COUNT)


class Library(NamedTuple):
    """A house with a room that has much to read."""

    house: House
    room: str


@pytest.fixture(scope="module", params=["plain", "tls"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    directory = tmp_path_factory.mktemp("library")
    context, environ = trusted(directory) if request.param == "tls" else (None, {})
    environ["REICHATD_LIMITS_SLOW_READER_SECONDS"] = str(STALL_SECONDS)
    with house(directory, context, **environ) as inhabited:
        room = inhabited.room()
        with inhabited.talk(room) as wire:
            post(wire, CONTENT, COUNT)
        yield Library(inhabited, room)
        inhabited.check()


def post(wire: Wire, content: str, count: int) -> int:
    """Posts so many messages and waits for their acks; the id of the last."""
    for _ in range(count):
        wire.send(text("message", content=content, nonce=secrets.token_hex(8)))
    last_id = 0
    for _ in range(count):
        last_id = wire.next("ack")["message_id"]
    return last_id


def one_by_one(wire: Wire, first_id: int, last_id: int) -> bytes:
    """What a fetch of these ids brings, made of what one for each id does."""
    before = b'{"type":"fetch_response","messages":['
    messages = []
    for message_id in range(first_id, last_id + 1):
        wire.send(text("fetch", from_id=message_id, to_id=message_id))
        message, end, behind = wire.frame().payload.removeprefix(before).rpartition(b"]")
        messages.append(message)
    return before + b",".join(messages) + end + behind


def begins(wire: Wire, question: bytes = EVERYTHING) -> bytes:
    """Asks, and reads the first piece of the answer: the daemon is stuck in it then, since it is far more than the kernel keeps.

    What comes before it is passed over.
    """
    wire.send(question)
    is_last = True
    while is_last:
        is_last, opcode, begin = wire.fragment()
        assert opcode == TEXT
    return begin


def rest(wire: Wire) -> bytes:
    """The pieces behind the first one, with nothing in between."""
    pieces, is_last = [], False
    while not is_last:
        is_last, opcode, piece = wire.fragment()
        assert opcode == CONTINUATION
        pieces.append(piece)
    return b"".join(pieces)


def test_it_reads_as_if_it_were_short_and_what_was_posted_meanwhile_comes_behind_it(library: Library) -> None:
    inhabited, room = library
    with inhabited.talk(room, inhabited.bob) as bob, inhabited.talk(room) as ada:
        bob.send(text("listen_latest"))
        begin = begins(bob)
        last_id = post(ada, "meanwhile", 20)
        assert begin + rest(bob) == one_by_one(ada, 1, COUNT)
        ids = [bob.next("latest_message")["message"]["message_id"] for _ in range(20)]
        assert ids == list(range(last_id - 19, last_id + 1))


def test_listening_goes_on_right_behind_it(library: Library) -> None:
    inhabited, room = library
    with inhabited.talk(room, inhabited.bob) as bob, inhabited.talk(room) as ada:
        last_id = post(ada, "before", 1)
        begin = begins(bob, text("fetch", from_id=last_id - 799, to_id=last_id + 200))
        post(ada, "meanwhile", 20)
        bob.send(text("listen_latest"))
        post(ada, "asked", 1)
        shown = [message["message_id"] for message in json.loads(begin + rest(bob))["messages"]]
        assert len(shown) >= 800
        while shown[-1] < last_id + 21:
            shown.append(bob.next("latest_message")["message"]["message_id"])
        assert shown == list(range(last_id - 799, last_id + 22))


def test_nothing_but_the_goodbye_follows_one_that_is_cut(library: Library) -> None:
    inhabited, room = library
    answer = inhabited.call("POST", "/login", email="bob@example.org", password="a good password").json
    bob = inhabited.bob._replace(access_token=answer["tokens"]["access_token"])
    with inhabited.talk(room, bob) as wire, inhabited.talk(room) as ada:
        posts = b"".join(text("message", content="x", nonce=secrets.token_hex(8)) for _ in range(20))
        begins(wire, text("listen_latest") + posts + EVERYTHING)  # so that acks may wait behind it, too
        post(ada, "waits behind it", 1)
        assert inhabited.call("POST", "/logout", by=bob).status == 200
        assert goodbye(wire) == b"\x0f\xa1Session ended"


def test_who_takes_nothing_of_it_is_told_why_it_ends(library: Library) -> None:
    inhabited, room = library
    with inhabited.talk(room, inhabited.bob) as wire:
        wire.send(text("listen_latest"))
        begins(wire)
        with inhabited.talk(room) as ada:
            post(ada, "waits behind it", 1)
        time.sleep(1.5 * STALL_SECONDS)
        assert goodbye(wire) == b"\x03\xf5Reader too slow for too long"


def goodbye(wire: Wire) -> bytes:
    """What the close frame says that cuts an answer short."""
    while True:
        is_last, opcode, payload = wire.fragment()
        if opcode == CLOSE:
            return payload
        assert (is_last, opcode) == (False, CONTINUATION)


def test_many_that_nobody_takes_need_little_memory(library: Library) -> None:
    inhabited, room = library
    with ExitStack() as stack:
        wires = [stack.enter_context(inhabited.talk(room)) for _ in range(SOCKETS)]
        before = memory_mib(inhabited, "VmRSS")
        Path(f"/proc/{inhabited.process.pid}/clear_refs").write_text(RESET_PEAK)
        for wire in wires:
            wire.send(EVERYTHING)
        wait_until(lambda: not any(inhabited.holds(wire) for wire in wires))
        assert memory_mib(inhabited, "VmHWM") - before < MOST_MIB


def memory_mib(inhabited: House, what: str) -> float:
    """A line of the process's status; see proc(5)."""
    status = Path(f"/proc/{inhabited.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{what}:")]
    return int(line.split()[1]) / 1024
