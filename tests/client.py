"""A client of the public contract for tests: REST by httpx, the conversation by trio-websocket."""

import json
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import pyotp
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from tests.process import DaemonProcess

PASSWORD = "a good password"
SECONDS = 20.0
"""The longest wait for one answer."""
CLOSE_SECONDS = 5.0
SMALL_BUFFER_BYTES = 4096


def bearer(token: str) -> dict[str, str]:
    """The header that sends a token."""
    return {"Authorization": f"Bearer {token}"}


def http_client(url: str) -> httpx.AsyncClient:
    """A client of the REST API at this URL; the caller closes it."""
    return httpx.AsyncClient(
        base_url=url, timeout=SECONDS, verify=False
    )  # verify=True loads all certificate authorities


def message_ids(messages: list[dict[str, Any]]) -> list[int]:
    return [message["message_id"] for message in messages]


def id_range(first: int, last: int) -> list[int]:
    """All ids from the first to the last, both included."""
    return list(range(first, last + 1))


def plain(frame: dict[str, Any]) -> dict[str, Any]:
    """A frame without the fields that tell of changes: as a client that knows none of them reads it."""
    return {name: value for name, value in frame.items() if name not in ("log", "change_id")}


class Talk:
    """One open WebSocket, and the frames that it has received."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self.websocket = websocket

    async def send(self, type: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        await self.websocket.send_message(json.dumps({"type": type, **fields}))

    async def receive(self, type: str | None = None) -> dict[str, Any]:
        """Returns the next frame, of this type if one is given. Frames of other types before it are dropped."""
        return await self.receive_within(SECONDS, type)

    async def receive_within(self, seconds: float, type: str | None = None) -> dict[str, Any]:
        """As `receive`, in at most so many seconds."""
        with trio.fail_after(seconds):
            while True:
                frame: dict[str, Any] = json.loads(await self.websocket.get_message())
                if type in (None, frame["type"]):
                    return frame

    async def receive_to(self, type: str) -> list[dict[str, Any]]:
        """Returns all frames up to the next one of this type, which is the last."""
        frames = [await self.receive()]
        while frames[-1]["type"] != type:
            frames.append(await self.receive())
        return frames

    async def latest(self, count: int) -> list[dict[str, Any]]:
        """Returns the messages of the next `count` `latest_message` frames. Other frames are dropped."""
        return [(await self.receive("latest_message"))["message"] for _ in range(count)]

    async def latest_ids(self, count: int) -> list[int]:
        """Returns the ids of the next `count` messages, as `latest`."""
        return message_ids(await self.latest(count))

    async def fetch(self, from_id: int, to_id: int) -> list[dict[str, Any]]:
        """Returns the messages of a fetch. Frames before its answer are dropped."""
        await self.send("fetch", from_id=from_id, to_id=to_id)
        messages: list[dict[str, Any]] = (await self.receive("fetch_response"))["messages"]
        return messages

    async def synchronise(self) -> list[dict[str, Any]]:
        """Waits until the server has processed every frame sent so far; returns the frames received until then."""
        await self.send("fetch", from_id=1, to_id=0)
        *before, answer = await self.receive_to("fetch_response")
        assert plain(answer) | {"last_id": 0} == {"type": "fetch_response", "messages": [], "last_id": 0}
        return before

    async def start_listening(self) -> None:
        """Takes the initial state and starts to listen; returns when the server listens for this socket."""
        await self.receive("initial_state")
        await self.send("listen_latest")
        assert await self.synchronise() == []

    async def submit(self, content: str, nonce: str) -> dict[str, Any]:
        """Posts a message; returns the ack or the error. Frames before it are dropped."""
        await self.send("message", content=content, nonce=nonce)
        while (frame := await self.receive()).get("nonce") != nonce:
            pass
        return frame

    async def post(self, content: str, nonce: str) -> int:
        """Posts a message, which must be acknowledged; returns its id. Frames before the ack are dropped."""
        frame = await self.submit(content, nonce)
        assert frame["type"] == "ack", frame
        message_id: int = frame["message_id"]
        return message_id

    async def post_many(self, count: int) -> int:
        """Posts `count` messages without waiting for each; returns the id of the last, which is acknowledged."""
        for number in range(count - 1):
            await self.send("message", content=f"text {number}")
        return await self.post("the last", secrets.token_hex(8))

    async def closed(self) -> tuple[int, str | None]:
        """Waits until the server closes; returns the close code and the reason."""
        _, code, reason = await self.rest()
        return code, reason

    async def rest(self) -> tuple[list[dict[str, Any]], int, str | None]:
        """Waits until the server closes; returns the frames before that, the close code (1006: no close frame) and the reason."""
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
    """One user, with an HTTP client and the tokens of the last login."""

    def __init__(self, url: str, name: str, email: str) -> None:
        self.url = url
        self.name = name
        self.email = email
        self.user_id = ""
        self.access_token = ""
        self.refresh_token = ""
        self.http = http_client(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True):
            await self.http.aclose()

    async def call(self, method: str, path: str, status: int = 200, **body: Any) -> dict[str, Any]:  # noqa: ANN401
        """Makes one REST call with the access token; returns the body. The answer must have this status."""
        response = await self.http.request(method, path, json=body or None, headers=bearer(self.access_token))
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def refresh(self) -> httpx.Response:
        """Asks for a new access token; keeps the old one."""
        return await self.http.get("/refresh", headers=bearer(self.refresh_token))

    async def register(self, **fields: str) -> None:
        body = {"email": self.email, "password": PASSWORD, "username": self.name, **fields}
        response = await self.http.post("/register", json=body)
        assert response.status_code == 201, response.text
        assert response.json() == {"message": "ok"}

    async def verify(self, code: str) -> None:
        response = await self.http.post("/verify", json={"email": self.email, "code": code})
        assert response.status_code == 200, response.text

    async def log_in(self, password: str = PASSWORD) -> None:
        response = await self.try_login(password)
        assert response.status_code == 200, response.text
        answer = response.json()
        self.user_id = answer["user_id"]
        self.access_token = answer["tokens"]["access_token"]
        self.refresh_token = answer["tokens"]["refresh_token"]

    async def try_login(self, password: str = PASSWORD) -> httpx.Response:
        """Sends a login, which may be refused; keeps the tokens of the last one."""
        return await self.http.post("/login", json={"email": self.email, "password": password})

    def socket_url(self, room_id: str, *, ticket: str = "") -> str:
        """The URL of a room's socket, with this ticket, or with the access token."""
        credential = f"ticket={ticket}" if ticket else f"token={self.access_token}"
        return f"{self.url.replace('http', 'ws', 1)}/ws/chat/{room_id}?{credential}"

    async def ticket(self) -> str:
        """Asks for a ticket, which opens one socket."""
        ticket: str = (await self.call("POST", "/ws/ticket", 201))["ticket"]
        return ticket

    @asynccontextmanager
    async def talk(self, room_id: str) -> AsyncIterator[Talk]:
        """Opens a socket in a room; its initial state is the first frame."""
        async with talk_at(self.socket_url(room_id)) as talk:
            yield talk

    @asynccontextmanager
    async def slow_talk(self, room_id: str) -> AsyncIterator[Talk]:
        """Opens a socket that reads only what the test asks for, with a small receive buffer. Ends without a close frame."""
        async with _tcp(self.socket_url(room_id), SMALL_BUFFER_BYTES) as stream, trio.open_nursery() as nursery:
            yield Talk(await _shake_hands(nursery, stream, self.socket_url(room_id), queue=1))
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def talk_at(url: str, **headers: str) -> AsyncIterator[Talk]:
    """Opens a socket at this URL, with these headers in its handshake."""
    async with _tcp(url) as stream, trio.open_nursery() as nursery:
        websocket = await _shake_hands(nursery, stream, url, queue=100_000, headers=headers)
        yield Talk(websocket)
        with trio.move_on_after(CLOSE_SECONDS):
            await websocket.aclose()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _tcp(url: str, receive_bytes: int | None = None) -> AsyncIterator[trio.SocketStream]:
    """Connects to the host of a URL. The WebSocket library leaves its own connections open where the server closes first."""
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


async def registered_user(daemon: DaemonProcess, name: str) -> Person:
    """Registers a user, verifies by the code that the console mailer prints, and logs in."""
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
    """Waits for a mail to this address on the console; returns the code in the last one."""
    with trio.fail_after(SECONDS):
        while (code := daemon.code_for(address)) is None:  # noqa: ASYNC110 - another process prints it
            await trio.sleep(0.01)
        return code


async def enrol(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Turns the second factor on; returns the authenticator app, whose present code is used up, and the recovery codes."""
    app = pyotp.TOTP((await person.call("POST", "/user/totp", password=PASSWORD))["secret"])
    recovery: list[str] = (await person.call("POST", "/user/totp/confirm", code=app.now()))["recovery_codes"]
    return app, recovery


@asynccontextmanager
async def registered_users(daemon: DaemonProcess, count: int) -> AsyncIterator[list[Person]]:
    """Registers `count` users, each with a name that no other test uses."""
    async with AsyncExitStack() as stack:
        names = [f"user{secrets.token_hex(8)}" for _ in range(count)]
        yield [await stack.enter_async_context(await registered_user(daemon, name)) for name in names]


async def open_room(owner: Person, *members: Person, **fields: str) -> str:
    """Creates a room with these members; returns its id."""
    answer = await owner.call("POST", "/room", 201, **{"name": "Room", "description": "", **fields})
    room_id: str = answer["room_id"]
    for member in members:
        await member.call("POST", f"/room/{room_id}/join")
    return room_id
