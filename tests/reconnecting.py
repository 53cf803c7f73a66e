"""Clients that survive restarts of the daemon as the guide for client authors says: each is one task, many share one process."""

import json
import random
import re
from typing import Any

import trio

from reichatd.bench.client import ConnectionLost, FrameReader, text_frame
from tests.client import Person

_RETRY = re.compile(r"closed with 1001 .*; retry-after-ms=(\d+)$")
_UPGRADE = (
    "GET /ws/chat/{room_id}?token={token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class SharedRoom:
    """What the clients of one room have posted and received. Every content is unique, and its own nonce."""

    def __init__(self, room_id: str) -> None:
        self.room_id = room_id
        self.posted: set[str] = set()
        self.received: dict[int, str] = {}  # id → content


class ReconnectingClient:
    """One client in one room.

    Arguments:
        pause: the average time between two of its posts, in seconds.
    """

    def __init__(self, name: str, person: Person, port: int, room: SharedRoom, *, pause: float) -> None:
        self.shutdowns = 0
        """How often the server closed with 1001 and asked it to come back later."""
        self.cuts = 0
        """How often its connection broke without a close frame."""
        self.refused = 0
        """How often its connection was refused."""
        self.joins = 0
        self.cursor = 0
        self.unacknowledged: list[str] = []
        self.stopped_posting = False
        self._name = name
        self._person = person
        self._port = port
        self._room = room
        self._pause = pause
        self._posts = 0

    async def run(self) -> None:
        """Posts and reads, until cancelled."""
        while True:
            delay = random.uniform(0, 0.2)
            try:
                with trio.socket.socket() as sock:
                    await sock.connect(("127.0.0.1", self._port))
                    await self._converse(sock)
            except ConnectionRefusedError:
                self.refused += 1
            except ConnectionLost as error:
                if match := _RETRY.match(str(error)):
                    self.shutdowns += 1
                    delay = int(match[1]) / 1000
                elif str(error) == "the server has closed a connection":
                    self.cuts += 1
                else:
                    raise
            except ConnectionError:
                self.cuts += 1
            await trio.sleep(delay)

    async def _converse(self, sock: trio.socket.SocketType) -> None:
        reader = FrameReader()
        head = _UPGRADE.format(room_id=self._room.room_id, token=self._person.access_token)
        await sock.send(head.encode())
        while not reader.is_open():
            reader.feed(await sock.recv(65_536))
        await self._send(sock, type="listen_latest", after_id=self.cursor)
        for content in self.unacknowledged:
            await self._send(sock, type="message", content=content, nonce=content)
        self.joins += 1
        posts_at = trio.current_time() + random.uniform(0, self._pause)
        while True:
            for text in reader.texts():
                self._take(json.loads(text))
            with trio.move_on_at(posts_at) as waiting:
                reader.feed(await sock.recv(65_536))
            if waiting.cancelled_caught:
                posts_at += random.uniform(0, 2 * self._pause)
                if not self.stopped_posting:
                    await self._post(sock)

    async def _post(self, sock: trio.socket.SocketType) -> None:
        self._posts += 1
        content = f"{self._name} {self._posts}"
        self._room.posted.add(content)
        self.unacknowledged.append(content)
        await self._send(sock, type="message", content=content, nonce=content)

    async def _send(self, sock: trio.socket.SocketType, **fields: Any) -> None:  # noqa: ANN401 - JSON
        frame = text_frame(json.dumps(fields).encode())
        while frame:
            frame = frame[await sock.send(frame) :]

    def _take(self, frame: dict[str, Any]) -> None:
        match frame:
            case {"type": "latest_message", "message": message}:
                assert message["message_id"] == self.cursor + 1
                self.cursor += 1
                assert self._room.received.setdefault(self.cursor, message["content"]) == message["content"]
            case {"type": "ack", "nonce": nonce}:
                self.unacknowledged.remove(nonce)
            case _:
                assert frame["type"] == "initial_state", frame
