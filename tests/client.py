"""A client of the public contract: REST by httpx, the conversation by trio-websocket."""

import json
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from tests.process import DaemonProcess

PASSWORD = "a good password"
SECONDS = 20.0
CLOSE_SECONDS = 5.0
LITTLE_BYTES = 4096


class Talk:
    """One open WebSocket, and the frames that have come by it."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self.websocket = websocket

    async def send(self, type: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        await self.websocket.send_message(json.dumps({"type": type, **fields}))

    async def receive(self, type: str | None = None) -> dict[str, Any]:
        """The next frame, of this type if one is named; others before it are passed over."""
        with trio.fail_after(SECONDS):
            while True:
                frame: dict[str, Any] = json.loads(await self.websocket.get_message())
                if type in (None, frame["type"]):
                    return frame

    async def receive_to(self, type: str) -> list[dict[str, Any]]:
        """All frames up to the next one of this type, which is the last."""
        frames = [await self.receive()]
        while frames[-1]["type"] != type:
            frames.append(await self.receive())
        return frames

    async def latest(self, count: int) -> list[dict[str, Any]]:
        """The messages of the next so many `latest_message`; other frames are passed over."""
        return [(await self.receive("latest_message"))["message"] for _ in range(count)]

    async def fetch(self, from_id: int, to_id: int) -> list[dict[str, Any]]:
        """The messages of a fetch; frames before its answer are passed over."""
        await self.send("fetch", from_id=from_id, to_id=to_id)
        messages: list[dict[str, Any]] = (await self.receive("fetch_response"))["messages"]
        return messages

    async def post(self, content: str, nonce: str) -> int:
        """Posts a message and waits for its ack; its id. Other frames before the ack are passed over."""
        await self.send("message", content=content, nonce=nonce)
        while (frame := await self.receive()).get("nonce") != nonce:
            pass
        assert frame["type"] == "ack", frame
        message_id: int = frame["message_id"]
        return message_id

    async def closed(self) -> tuple[int, str | None]:
        """Waits until the server closes; its code and reason."""
        _, code, reason = await self.rest()
        return code, reason

    async def rest(self) -> tuple[list[dict[str, Any]], int, str | None]:
        """Waits until the server closes; the frames before that, its code and reason. The code is 1006 if it said none."""
        frames = []
        with trio.fail_after(SECONDS):
            try:
                while True:
                    frames.append(json.loads(await self.websocket.get_message()))
            except ConnectionClosed as error:
                end = error.reason
        assert end is not None
        return frames, end.code, end.reason


class Person:
    """Somebody with an account, logged in."""

    def __init__(self, url: str, name: str, email: str) -> None:
        self.url = url
        self.name = name
        self.email = email
        self.user_id = ""
        self.access_token = ""
        self.refresh_token = ""
        self.http = httpx.AsyncClient(base_url=url, timeout=SECONDS, verify=False)  # its default loads authorities

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True):
            await self.http.aclose()

    async def call(self, method: str, path: str, status: int = 200, **body: Any) -> dict[str, Any]:  # noqa: ANN401
        """One REST call with the access token; the answer's body, whose status must be as expected."""
        response = await self.http.request(
            method, path, json=body or None, headers={"Authorization": f"Bearer {self.access_token}"}
        )
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def register(self, **fields: str) -> None:
        body = {"email": self.email, "password": PASSWORD, "username": self.name, **fields}
        response = await self.http.post("/register", json=body)
        assert response.status_code == 201, response.text
        assert response.json() == {"message": "ok"}

    async def verify(self, code: str) -> None:
        response = await self.http.post("/verify", json={"email": self.email, "code": code})
        assert response.status_code == 200, response.text

    async def log_in(self, password: str = PASSWORD) -> None:
        response = await self.http.post("/login", json={"email": self.email, "password": password})
        assert response.status_code == 200, response.text
        answer = response.json()
        self.user_id = answer["user_id"]
        self.access_token = answer["tokens"]["access_token"]
        self.refresh_token = answer["tokens"]["refresh_token"]

    def socket_url(self, room_id: str, path: str = "/ws/chat") -> str:
        return f"{self.url.replace('http', 'ws', 1)}{path}/{room_id}?token={self.access_token}"

    @asynccontextmanager
    async def talk(self, room_id: str) -> AsyncIterator[Talk]:
        """A socket in a room; its initial state is the first frame."""
        async with talk_at(self.socket_url(room_id)) as talk:
            yield talk

    @asynccontextmanager
    async def slow_talk(self, room_id: str) -> AsyncIterator[Talk]:
        """A socket of a client that reads only what the test asks for, with little room in between; it ends without a goodbye."""
        async with _tcp(self.socket_url(room_id), LITTLE_BYTES) as stream, trio.open_nursery() as nursery:
            yield Talk(await _shake_hands(nursery, stream, self.socket_url(room_id), queue=1))
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def talk_at(url: str, **headers: str) -> AsyncIterator[Talk]:
    """A socket at this address, with these headers in its handshake."""
    async with _tcp(url) as stream, trio.open_nursery() as nursery:
        websocket = await _shake_hands(nursery, stream, url, queue=100_000, headers=headers)
        yield Talk(websocket)
        with trio.move_on_after(CLOSE_SECONDS):
            await websocket.aclose()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _tcp(url: str, receive_bytes: int | None = None) -> AsyncIterator[trio.SocketStream]:
    """A connection to where a URL leads; the WebSocket library leaves its own ones open if the server was first to close."""
    parts = urlsplit(url)
    sock = trio.socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        await sock.connect((parts.hostname, parts.port))
        async with trio.SocketStream(sock) as stream:
            yield stream
    finally:
        sock.close()


async def _shake_hands(
    nursery: trio.Nursery, stream: trio.SocketStream, url: str, *, queue: int, headers: dict[str, str] | None = None
) -> WebSocketConnection:
    parts = urlsplit(url)
    extra_headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    resource = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with trio.fail_after(SECONDS):
        return await wrap_client_stream(
            nursery, stream, parts.netloc, resource, extra_headers=extra_headers, message_queue_size=queue
        )


async def newcomer(daemon: DaemonProcess, name: str) -> Person:
    """Registers, verifies by the code that the console mailer prints, and logs in."""
    person = Person(daemon.url, name, f"{name}@example.org")
    try:
        await person.register()
        await person.verify(await printed_code(daemon, person.email))
        await person.log_in()
    except BaseException:
        await person.http.aclose()
        raise
    return person


async def printed_code(daemon: DaemonProcess, address: str) -> str:
    """The code in the last letter to this address, as soon as there is one."""
    with trio.fail_after(SECONDS):
        while (code := daemon.code_for(address)) is None:  # noqa: ASYNC110 - another process prints it
            await trio.sleep(0.01)
        return code


@asynccontextmanager
async def crowd(daemon: DaemonProcess, count: int) -> AsyncIterator[list[Person]]:
    """So many newcomers, each with a name that no other test has."""
    async with AsyncExitStack() as stack:
        names = [f"user{secrets.token_hex(8)}" for _ in range(count)]
        yield [await stack.enter_async_context(await newcomer(daemon, name)) for name in names]


async def open_room(owner: Person, *members: Person, **fields: str) -> str:
    """A new room with these members; its id."""
    answer = await owner.call("POST", "/room", 201, **{"name": "Room", "description": "", **fields})
    room_id: str = answer["room_id"]
    for member in members:
        await member.call("POST", f"/room/{room_id}/join")
    return room_id
