"""FrameStream over real sockets."""

import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import accumulate

import pytest
import trio

from reichatd.gateway.stream import FrameStream, Stalled

FRAMES = [bytes([number % 256]) * (1000 + number) for number in range(2000)]
DATA = b"".join(FRAMES)
ENDS = list(accumulate(map(len, FRAMES)))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[FrameStream, socket.socket]]:
    """A stream and the plain socket at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    with far, near:
        yield FrameStream(near, stall_seconds=2), far


async def drain(far: socket.socket, count: int) -> bytes:
    """Receives `count` bytes."""
    far.setblocking(False)
    received = bytearray()
    with trio.fail_after(20):
        while len(received) < count:
            await trio.lowlevel.wait_readable(far)
            received += far.recv(1 << 20)
    return bytes(received)


async def test_frames_that_fit_are_sent_at_once(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    assert stream.try_send(b"onetwo", (3, 6)) == 2
    assert await drain(far, 6) == b"onetwo"


async def test_a_full_socket_takes_whole_frames_and_the_rest_of_one_is_pending(
    pair: tuple[FrameStream, socket.socket],
) -> None:
    stream, far = pair
    taken = stream.try_send(DATA, ENDS)
    assert 0 < taken < len(FRAMES)
    while more := stream.try_send(FRAMES[taken], (len(FRAMES[taken]),)):  # bytes that have arrived meanwhile make room
        taken += more
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"pong")
        expected = b"".join(FRAMES[:taken]) + b"pong"
        assert await drain(far, len(expected)) == expected
    assert stream.try_send(b"again", (5,)) == 1


async def test_a_cancelled_send_goes_out_whole_before_the_next(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    with trio.move_on_after(0.05):
        await stream.send_all(DATA)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"the end")
        assert await drain(far, len(DATA) + 7) == DATA + b"the end"


async def test_a_peer_that_takes_nothing_is_stalled_and_its_bytes_stay_pending(
    pair: tuple[FrameStream, socket.socket],
) -> None:
    stream, far = pair
    with pytest.raises(Stalled):
        await stream.send_all(DATA)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"still whole")
        assert await drain(far, len(DATA) + 11) == DATA + b"still whole"


async def test_a_peer_that_takes_bytes_slowly_is_not_stalled(
    pair: tuple[FrameStream, socket.socket],
) -> None:
    stream, far = pair
    stream = FrameStream(stream.socket, stall_seconds=2)
    stream.set_send_buffer(2_000_000)  # Linux doubles it; a third of that is free only after more than 2 seconds
    far.setblocking(False)

    async def nibble() -> None:
        for _ in range(30):
            await trio.sleep(0.2)
            with suppress(BlockingIOError):
                far.recv(50_000)
        nursery.cancel_scope.cancel()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nibble)
            await stream.send_all(DATA)


async def test_a_larger_send_buffer_takes_more(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    with pytest.raises(Stalled):
        await stream.send_all(DATA[:1_000_000])
    stream.set_send_buffer(4_000_000)
    await stream.send_all(b"the end")
    stream.close()
    assert await drain(far, 1_000_007) == DATA[:1_000_000] + b"the end"


async def test_senders_wait_for_each_other_and_their_bytes_do_not_mix(
    pair: tuple[FrameStream, socket.socket],
) -> None:
    stream, far = pair
    async with trio.open_nursery() as nursery:
        for letter in (b"a", b"b", b"c"):
            nursery.start_soon(stream.send_all, letter * 500_000)
        await trio.testing.wait_all_tasks_blocked()
        assert stream.try_send(b"x", (1,)) == 0
        received = await drain(far, 1_500_000)
    assert sorted(received[each * 500_000 : (each + 1) * 500_000] for each in range(3)) == [
        letter * 500_000 for letter in (b"a", b"b", b"c")
    ]


async def test_unread_bytes_come_first(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    far.sendall(b"tail")
    assert await stream.receive_some() == b"tail"
    stream.unread(b"tail")
    stream.unread(b"head ")
    assert await stream.receive_some(4) == b"head"
    assert await stream.receive_some() == b" tail"


async def test_it_knows_whether_a_task_receives_and_when_bytes_came(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    before = stream.last_heard
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        assert stream.is_receiving
        far.sendall(b"x")
    assert not stream.is_receiving
    assert stream.last_heard > before


async def test_the_end_of_the_peer_is_received(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    far.shutdown(socket.SHUT_WR)
    assert await stream.receive_some() == b""


async def test_a_reset_is_a_broken_resource(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    with pytest.raises(trio.BrokenResourceError):
        await stream.receive_some()
    assert stream.try_send(b"x", (1,)) == 0
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"x")


async def test_close_wakes_the_tasks_that_wait(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, _ = pair

    async def gets_closed_error(wait: object) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await wait  # type: ignore[misc]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(gets_closed_error, stream.receive_some())
        nursery.start_soon(gets_closed_error, stream.send_all(DATA))
        await trio.testing.wait_all_tasks_blocked()
        stream.close()
    stream.close()
    assert stream.try_send(b"x", (1,)) == 0
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await stream.receive_some()


async def test_nothing_is_sent_between_the_pieces_of_a_message(pair: tuple[FrameStream, socket.socket]) -> None:
    stream, far = pair

    async def send_pieces() -> None:
        async with stream.unbroken() as send:
            for letter in (b"a", b"b", b"c"):
                await send(letter * 500_000)
                assert stream.try_send(b"x", (1,)) == 0

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_pieces)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(stream.send_all, b"behind")
        received = await drain(far, 1_500_006)
    assert received == b"a" * 500_000 + b"b" * 500_000 + b"c" * 500_000 + b"behind"
    assert stream.try_send(b"x", (1,)) == 1


async def test_a_sender_that_waits_behind_a_cancelled_message_and_is_cancelled_has_sent_nothing(
    pair: tuple[FrameStream, socket.socket],
) -> None:
    stream, far = pair
    behind = trio.CancelScope()

    async def wait_behind() -> None:
        with behind:
            await stream.send_all(b"text")

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            async with stream.unbroken() as send:
                nursery.start_soon(wait_behind)
                nursery.start_soon(cancel_when_all_wait, scope)
                await send(b"a" * 5_000_000)
        behind.cancel()  # in the same step, as when a connection leaves its room
    assert stream.has_pending
    stream.set_send_buffer(4_000_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"the end")
        assert await drain(far, 5_000_007) == b"a" * 5_000_000 + b"the end"


async def cancel_when_all_wait(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_a_stream_that_another_task_has_closed(pair: tuple[FrameStream, socket.socket]) -> None:
    """Also while a task of another closed stream waits: both have the descriptor -1."""
    stream, far = pair
    far.sendall(b"x")
    assert await stream.receive_some() == b"x"
    stream.close()
    for _ in range(2):
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x" * 10_000_000)
