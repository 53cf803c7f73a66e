"""Fair scheduling of requests. Progress is counted in rounds of the event loop, not in time."""

import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from reichatd.gateway.admission import Admissions
from reichatd.gateway.fair_scheduling import FairScheduler
from reichatd.gateway.forwarded import Proxies, RequestOrigin
from reichatd.gateway.head import read_head
from reichatd.gateway.http import HttpServer
from reichatd.gateway.stream import FrameStream
from reichatd.rate_limits import Refusals
from reichatd.settings import LimitSettings, LiveSettings, Settings

MANY = 100


class Rounds(trio.abc.Instrument):
    """Counts the rounds of the event loop. Each task that is ready runs once in a round."""

    now = 0

    def after_io_wait(self, timeout: float) -> None:
        self.now += 1


@pytest.fixture
async def rounds() -> AsyncIterator[Rounds]:
    rounds = Rounds()
    trio.lowlevel.add_instrument(rounds)
    yield rounds
    trio.lowlevel.remove_instrument(rounds)


async def no_work() -> None:
    """There is no priority work."""


async def test_one_task_per_round_in_the_order_of_arrival(rounds: Rounds) -> None:
    scheduler = FairScheduler(no_work)
    done: list[tuple[int, int]] = []

    async def go(number: int) -> None:
        await scheduler.wait_turn()
        done.append((rounds.now, number))

    async with trio.open_nursery() as nursery:
        for number in range(MANY):
            nursery.start_soon(go, number)
            await trio.lowlevel.checkpoint()
    assert [number for _, number in done] == list(range(MANY))
    assert len({now for now, _ in done}) == MANY


async def test_an_empty_queue_lets_a_task_through_at_once(rounds: Rounds) -> None:
    scheduler = FairScheduler(no_work)
    for _ in range(3):
        began = rounds.now
        await scheduler.wait_turn()
        assert rounds.now - began <= 1


async def test_a_cancelled_task_does_not_delay_others() -> None:
    scheduler = FairScheduler(no_work)
    done: list[int] = []

    async def go(number: int, scope: trio.CancelScope) -> None:
        with scope:
            await scheduler.wait_turn()
            done.append(number)

    scopes = [trio.CancelScope() for _ in range(MANY)]
    async with trio.open_nursery() as nursery:
        for number, scope in enumerate(scopes):
            nursery.start_soon(go, number, scope)
            await trio.lowlevel.checkpoint()
        for scope in scopes[::2]:
            scope.cancel()
    await wait_all_tasks_blocked()
    assert set(range(1, MANY, 2)) <= set(done)
    await scheduler.wait_turn()


async def test_priority_work_goes_first_but_not_for_long(autojump_clock: MockClock) -> None:
    busy = True
    began = trio.current_time()

    async def priority_work() -> None:
        if busy:
            await trio.sleep(0.001)

    scheduler = FairScheduler(priority_work)
    await scheduler.wait_turn()
    assert trio.current_time() - began == pytest.approx(0.001)
    busy = False
    await scheduler.wait_turn()
    assert trio.current_time() - began == pytest.approx(0.001)
    stuck = FairScheduler(trio.sleep_forever)
    await stuck.wait_turn()
    assert trio.current_time() - began == pytest.approx(0.006)


async def test_simultaneous_requests_are_answered_one_per_round(rounds: Rounds) -> None:
    begun: Counter[int] = Counter()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        begun[rounds.now] += 1
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    limits = LimitSettings()
    settings = LiveSettings(Settings(limits=limits))
    server, admissions = HttpServer(app, settings, no_work), Admissions(settings, Proxies(()), Refusals())
    peer = RequestOrigin("127.0.0.1", "http")

    async def serve(ours: socket.socket) -> None:
        stream = FrameStream(ours, stall_seconds=limits.slow_reader_seconds)
        head = await read_head(stream, limits.head_bytes)
        assert head
        admission = admissions.admit(peer.address, stream)
        await server.serve(stream, head, peer, ("127.0.0.1", 80), admission)
        admission.leave()
        stream.close()

    async def ask(theirs: socket.socket) -> None:
        async with trio.SocketStream(trio.socket.from_stdlib_socket(theirs)) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
            answers.append(await stream.receive_some())

    answers: list[bytes] = []
    async with trio.open_nursery() as nursery:
        for _ in range(MANY):
            theirs, ours = socket.socketpair()
            nursery.start_soon(serve, ours)
            nursery.start_soon(ask, theirs)
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 204"] * MANY
    assert begun == dict.fromkeys(begun, 1)
    assert sum(begun.values()) == MANY
