"""The attacks of the scenario `siege`, each from one process and bounded in connections and time.

They use addresses in 127.0.2.0/24 as their own, which Linux lets any program use on the loopback interface, so that the daemon sees
other clients than the honest ones.
"""

import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec
import trio

from reichatd.bench.client import handshake, is_whole, text_frame
from reichatd.bench.specs import Attack, AttackOutcome

_ADDRESSES = 50
_SPARE_FILES = 100
_PAUSE_SECONDS = 0.1
"""Before a client that was cut off, or could not connect, connects again; ten times as long for thousands of clients."""
_FLOOD_ROUNDS = 3000
_FIRST_FRAGMENT = b"\x01\x80\0\0\0\0"
_FRAMES = (b"\x00\x80\0\0\0\0", b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0")
_FLOOD = b"".join(_FRAMES) * _FLOOD_ROUNDS
"""Valid frames without any content: fragments of a message that never ends, pings, and pongs that nobody asked for."""
_PLAIN_FLOOD = b"".join(_FRAMES[1:]) * _FLOOD_ROUNDS
"""Only pings and pongs, which the daemon reads without its library."""
_LOST = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)


def run(spec: Attack) -> AttackOutcome:
    """Attacks for `spec.seconds`, and says how often, and with what result."""
    outcomes: Counter[str] = Counter()
    _allow_open_files(spec.clients)

    async def attack() -> None:
        with trio.move_on_after(spec.seconds):
            async with trio.open_nursery() as nursery:
                for number in range(spec.clients):
                    nursery.start_soon(_repeat, _ATTACKS[spec.attack], spec, number, outcomes)

    trio.run(attack)
    return AttackOutcome(outcomes=dict(outcomes))


_Attack = Callable[[Attack, trio.SocketStream, int, Counter[str]], Awaitable[None]]
"""One connection of an attack, after it was made, until the daemon ends it."""


async def _repeat(attack: _Attack, spec: Attack, number: int, outcomes: Counter[str]) -> None:
    """Keeps one connection of the attack open; makes another when it has ended."""
    address = f"127.0.2.{1 + number % (_ADDRESSES if spec.spread else 1)}"
    while True:
        try:
            async with await trio.open_tcp_stream(spec.host, spec.port, local_address=address) as stream:
                outcomes["connected"] += 1
                await attack(spec, stream, number, outcomes)
        except* _LOST:
            outcomes["cut"] += 1
        await trio.sleep(_PAUSE_SECONDS * (10 if spec.spread else 1))


def _allow_open_files(clients: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + _SPARE_FILES
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


# --- requests


async def _guesses(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    for guess in count():
        body = {"email": spec.email, "password": f"guess {number} {guess}"}
        await _request(stream, "POST", "/login", body, outcomes)


async def _room_passwords(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    for guess in count():
        body = {"password": f"guess {number} {guess}"}
        await _request(stream, "POST", f"/room/{spec.room}/join", body, outcomes, spec.token)


async def _codes(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    for guess in count(number * 1000):
        await _request(stream, "POST", "/verify", {"email": spec.email, "code": f"{guess % 10**6:06}"}, outcomes)


async def _mails(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    """Half of the mails go to one stranger."""
    for each in count():
        email = f"{number}.{each}@example.net" if each % 2 else "stranger@example.net"
        body = {"email": email, "password": "an honest password", "username": "stranger"}
        await _request(stream, "POST", "/register", body, outcomes)


async def _rooms(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    """Every second connection asks for the list of rooms again and again, and reads nothing."""
    if number % 2:
        asking = f"GET /public HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {spec.token}\r\n\r\n".encode()
        while True:
            await stream.send_all(asking * 10)
            outcomes["lists asked for"] += 10
    while True:
        body = {"name": "n" * 100, "description": "d" * 1000}
        await _request(stream, "POST", "/room", body, outcomes, spec.token)


async def _request(
    stream: trio.SocketStream, method: str, path: str, body: dict[str, str], outcomes: Counter[str], token: str = ""
) -> None:
    """Sends a request, reads the answer, and counts its status."""
    content = msgspec.json.encode(body)
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: {len(content)}\r\n\r\n"
    await stream.send_all(head.encode() + content)
    answer = bytearray()
    while not is_whole(answer):
        data = await stream.receive_some(65_536)
        if not data:
            raise trio.BrokenResourceError
        answer += data
    outcomes[bytes(answer[9:12]).decode("ascii", "replace")] += 1


# --- connections and sockets


async def _connections(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    await _until_cut(stream)


async def _frames(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    """Every second client sends no fragments."""
    await _open_socket(spec, stream)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_cut, stream)
        if number % 2:
            flood, frames = _PLAIN_FLOOD, len(_FRAMES) - 1
        else:
            flood, frames = _FLOOD, len(_FRAMES)
            await stream.send_all(_FIRST_FRAGMENT)
        while True:
            await stream.send_all(flood)
            outcomes["frames"] += _FLOOD_ROUNDS * frames


async def _posts(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    """Posts the longest messages, as fast as they are taken; connects again at the first refusal."""
    await _open_socket(spec, stream)
    frame = text_frame(msgspec.json.encode({"type": "message", "content": "m" * 5000}))
    refused = False

    async def watch(cancel: trio.CancelScope) -> None:
        nonlocal refused
        while data := await stream.receive_some(65_536):
            if b'"rate_limited"' in data:
                refused = True
                break
        cancel.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery.cancel_scope)
        while True:
            await stream.send_all(frame)
            outcomes["posts sent"] += 1
    if refused:
        outcomes["refused"] += 1


async def _fetches(spec: Attack, stream: trio.SocketStream, number: int, outcomes: Counter[str]) -> None:
    """Asks for old messages again and again, and reads none."""
    await _open_socket(spec, stream)
    frame = text_frame(b'{"type":"fetch","from_id":1,"to_id":1000}')
    while True:
        await stream.send_all(frame)
        outcomes["fetches"] += 1


async def _open_socket(spec: Attack, stream: trio.SocketStream) -> None:
    await stream.send_all(handshake(spec.host, spec.port, spec.requests[0]))
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = await stream.receive_some(4096)
        if not data:
            raise trio.BrokenResourceError
        answer += data
    if not answer.startswith(b"HTTP/1.1 101"):
        raise trio.BrokenResourceError


async def _until_cut(stream: trio.SocketStream) -> None:
    """Reads and discards."""
    while await stream.receive_some(65_536):
        pass
    raise trio.BrokenResourceError


_ATTACKS: dict[str, _Attack] = {
    "guesses": _guesses,
    "room passwords": _room_passwords,
    "codes": _codes,
    "mails": _mails,
    "rooms": _rooms,
    "connections": _connections,
    "frames": _frames,
    "posts": _posts,
    "fetches": _fetches,
}
