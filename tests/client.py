"""A client of the public contract: REST by httpx, the conversation by trio-websocket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from tests.process import DaemonProcess

PASSWORD = "a good password"
SECONDS = 20.0


class Talk:
    """One open WebSocket, and the frames that have come by it."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self.websocket = websocket

    async def send(self, type: str, **fields: Any) -> None:
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
        with trio.fail_after(SECONDS):
            try:
                while True:
                    await self.websocket.get_message()
            except ConnectionClosed as error:
                assert error.reason is not None
                return error.reason.code, error.reason.reason


class Person:
    """Somebody with an account, logged in."""

    def __init__(self, url: str, name: str, email: str) -> None:
        self.url = url
        self.name = name
        self.email = email
        self.user_id = ""
        self.access_token = ""
        self.refresh_token = ""
        self.http = httpx.AsyncClient(base_url=url, timeout=SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True):
            await self.http.aclose()

    async def call(self, method: str, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
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
        async with open_websocket_url(
            self.socket_url(room_id), message_queue_size=100_000, disconnect_timeout=5
        ) as websocket:
            yield Talk(websocket)


async def newcomer(daemon: DaemonProcess, name: str) -> Person:
    """Registers, verifies by the code that the console mailer prints, and logs in."""
    person = Person(daemon.url, name, f"{name}@example.org")
    seen = len(daemon.codes())
    await person.register()
    with trio.fail_after(SECONDS):
        while len(codes := daemon.codes()) == seen:
            await trio.sleep(0.01)
    await person.verify(codes[-1])
    await person.log_in()
    return person
