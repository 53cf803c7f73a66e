"""A client that knows only the first version of the contract, and the record of everything that a daemon answers it.

    python -m tests.end_to_end.old_client > tests/end_to_end/old_client.json

writes the record of the installed daemon. The file in this directory comes from the last daemon before any addition to the contract
(commit 23386ee). Never write it again: it says what old clients rely on.
"""

import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from tests.client import PASSWORD, Person, Talk, printed_code
from tests.process import DaemonProcess, running

Json = Any

RECORD = Path(__file__).with_suffix(".json")
SETTINGS = {"REICHATD_AUTH_ARGON2_MEMORY_KIB": "8", "REICHATD_AUTH_ARGON2_TIME_COST": "1"}
ROOM = "lounge"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_VARYING = {
    "access_token": re.compile(r"[\w-]+\.[\w-]+\.[\w-]+"),
    "refresh_token": re.compile(r"[\w-]+"),
    "timestamp": _TIME,
    "created_at": _TIME,
}
"""Fields whose value differs in each run, and the form that it must have."""


class OldClient:
    """Two users, ada and bob, who use the same old program.

    Arguments:
        daemon: a running one, with an empty store.
    """

    def __init__(self, daemon: DaemonProcess) -> None:
        self.record: list[Json] = []
        self._daemon = daemon
        self._names: dict[str, str] = {}  # id → its name in the record

    async def run(self, meanwhile: Callable[[Person, Person], Awaitable[None]] | None = None) -> None:
        """Does everything once, in a fixed order.

        Arguments:
            meanwhile: called with ada and bob when both are members of the room and it is empty, to start their other programs.
        """
        async with Person(self._daemon.url, "ada", "ada@example.org") as ada, self._person("bob") as bob:
            await self._begin(ada)
            await self._begin(bob)
            await self._make_room(ada, bob)
            if meanwhile is not None:
                await meanwhile(ada, bob)
            await self._talk(ada, bob)
            await self._come_back(ada, bob)
            await self._end(ada, bob)

    def _person(self, name: str) -> Person:
        return Person(self._daemon.url, name, f"{name}@example.org")

    # --- the steps

    async def _begin(self, person: Person) -> None:
        fields = {"email": person.email, "password": PASSWORD, "username": person.name}
        await self._call(person, "POST", "/register", {**fields, "password": "short"})
        await self._call(person, "POST", "/register", {**fields, "email": "nowhere"})
        await self._call(person, "POST", "/register", {"email": person.email})
        await self._call(person, "POST", "/verify", {"email": person.email, "code": "000000"})
        await self._call(person, "POST", "/register", fields)
        code = await printed_code(self._daemon, person.email)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        await self._call(person, "POST", "/verify", {"email": person.email, "code": wrong}, secret=True)
        await self._call(person, "POST", "/login", {"email": person.email, "password": PASSWORD})
        await self._call(person, "POST", "/verify", {"email": person.email, "code": code}, secret=True)
        await self._call(person, "POST", "/register", fields)
        await self._call(person, "POST", "/login", {"email": person.email, "password": "not the password"})
        await self._call(person, "GET", "/user")
        await person.log_in()
        self._names[person.user_id] = f"<{person.name}>"
        await self._call(person, "POST", "/login", {"email": person.email, "password": PASSWORD})
        await self._call(person, "GET", "/user")
        await self._call(person, "GET", "/refresh")

    async def _make_room(self, ada: Person, bob: Person) -> None:
        fields = {"name": "Lounge", "description": "Where it begins", "password": "open sesame", "room_id": ROOM}
        await self._call(ada, "POST", "/room", {**fields, "room_id": "no"})
        await self._call(ada, "POST", "/room", fields)
        await self._call(bob, "POST", "/room", fields)
        await self._call(bob, "GET", f"/room/{ROOM}")
        await self._call(bob, "GET", "/room/nowhere")
        await self._call(bob, "POST", f"/room/{ROOM}/join")
        await self._call(bob, "POST", f"/room/{ROOM}/join", {"password": "something else"})
        await self._call(bob, "POST", f"/room/{ROOM}/leave")
        await self._call(bob, "POST", f"/room/{ROOM}/kick/{ada.user_id}")
        async with self._socket(bob, "a stranger's") as talk:
            await self._hear_the_end(talk)
        await self._call(bob, "POST", f"/room/{ROOM}/join", {"password": "open sesame"})
        await self._call(bob, "POST", f"/room/{ROOM}/join", {"password": "open sesame"})
        await self._call(ada, "PUT", f"/room/{ROOM}", {"name": "Lounge", "description": "For all", "password": None})
        await self._call(bob, "PUT", f"/room/{ROOM}", {"name": "Mine", "description": ""})
        for person in (ada, bob):
            await self._call(person, "GET", f"/room/{ROOM}")

    async def _talk(self, ada: Person, bob: Person) -> None:
        async with self._socket(ada, "ada's") as ada_talk, self._socket(bob, "bob's") as bob_talk:
            for talk in (ada_talk, bob_talk):
                await self._hear(talk, 1)
                await self._say(talk, type="listen_latest")
                await self._ask(talk, from_id=1, to_id=5)
            await self._post(ada_talk, [bob_talk], "Hello, log!", "a1")
            await self._post(bob_talk, [ada_talk], "Ünïcödé 👋 and\ntwo lines  ", "b1")
            await self._say(ada_talk, type="message", content="Hello, log!", nonce="a1")
            await self._hear(ada_talk, 1)
            await self._say(ada_talk, type="message", content="without a nonce")
            for talk in (ada_talk, bob_talk):
                await self._hear(talk, 1)
            for content in (" \n ", "x" * 5001):
                await self._say(bob_talk, type="message", content=content, nonce="b2")
                await self._hear(bob_talk, 1)
            await self._say(bob_talk, type="nonsense")
            await self._hear(bob_talk, 1)
            await self._say(bob_talk, type="fetch", from_id=1)
            await self._hear(bob_talk, 1)
            await self._ask(bob_talk, from_id=1, to_id=1001)
            await self._ask(bob_talk, from_id=1, to_id=1000)
            await self._ask(bob_talk, from_id=2, to_id=2)
            await self._ask(bob_talk, from_id=3, to_id=2)
            await self._ask(bob_talk, from_id=-3, to_id=1)
            await self._say(bob_talk, type="set_last_read", message_id=2)
            await self._ask(bob_talk, from_id=3, to_id=3)

    async def _come_back(self, ada: Person, bob: Person) -> None:
        async with self._socket(ada, "ada's second") as ada_talk:
            await self._hear(ada_talk, 1)
            await self._say(ada_talk, type="listen_latest", after_id=1)
            await self._hear(ada_talk, 2)
            async with self._socket(bob, "bob's second") as bob_talk:
                await self._hear(bob_talk, 1)
                await self._post(ada_talk, [], "while bob does not listen", "a2")
                await self._say(bob_talk, type="listen_latest")  # resumes behind the initial state
                await self._hear(bob_talk, 1)
                await self._call(bob, "PUT", "/user/username", {"username": "robert"})
                await self._post(bob_talk, [ada_talk], "under another name", "b3")
                await self._ask(ada_talk, from_id=1, to_id=5)

    async def _end(self, ada: Person, bob: Person) -> None:
        for path in ("/public", "/joined", f"/user/{bob.user_id}", "/user/nobody"):
            await self._call(ada, "GET", path)
        async with self._socket(bob, "bob's third") as talk:
            await self._hear(talk, 1)
            await self._call(ada, "POST", f"/room/{ROOM}/ban/{bob.user_id}")
            await self._hear_the_end(talk)
        await self._call(bob, "POST", f"/room/{ROOM}/join")
        await self._call(ada, "POST", f"/room/{ROOM}/unban/{bob.user_id}")
        await self._call(ada, "POST", f"/room/{ROOM}/unban/{bob.user_id}")
        await self._call(ada, "POST", f"/room/{ROOM}/kick/{bob.user_id}")
        await self._call(bob, "POST", f"/room/{ROOM}/join")
        async with self._socket(bob, "bob's last") as talk:
            await self._hear(talk, 1)
            await self._call(ada, "DELETE", f"/room/{ROOM}")
            await self._hear_the_end(talk)
        await self._call(bob, "GET", f"/room/{ROOM}")
        await self._call(bob, "PUT", "/user/password", {"password": PASSWORD, "new_password": PASSWORD})
        await self._call(bob, "POST", "/logout")
        await self._call(bob, "GET", "/user")

    # --- requests, and the record of their answers

    async def _call(self, person: Person, method: str, path: str, body: Json = None, *, secret: bool = False) -> None:
        token = person.refresh_token if path == "/refresh" else person.access_token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = await person.http.request(method, path, json=body, headers=headers)
        done = f"{person.name}: {method} {path}"
        self._note(
            {"done": done, "body": "…" if secret else body, "status": response.status_code, "answer": response.json()}
        )

    @asynccontextmanager
    async def _socket(self, person: Person, name: str) -> AsyncIterator[Talk]:
        self._note({"done": f"opens {name} socket"})
        async with person.talk(ROOM) as talk:
            self._names[str(id(talk))] = name
            yield talk
            if talk.websocket.closed is None:
                assert await talk.synchronise() == [], "a frame that the old client does not expect"

    async def _say(self, talk: Talk, **frame: Json) -> None:
        await talk.websocket.send_message(json.dumps(frame))
        shown = {**frame, "content": frame["content"][:80]} if "content" in frame else frame
        self._note({"done": f"{self._names[str(id(talk))]} socket sends", "frame": shown})

    async def _hear(self, talk: Talk, count: int) -> None:
        for _ in range(count):
            self._note({"done": f"{self._names[str(id(talk))]} socket hears", "frame": await talk.receive()})

    async def _ask(self, talk: Talk, **fields: int) -> None:
        await self._say(talk, type="fetch", **fields)
        await self._hear(talk, 1)

    async def _post(self, talk: Talk, others: list[Talk], content: str, nonce: str) -> None:
        await self._say(talk, type="message", content=content, nonce=nonce)
        await self._hear(talk, 2)  # the ack, and the message
        for other in others:
            await self._hear(other, 1)

    async def _hear_the_end(self, talk: Talk) -> None:
        frames, code, reason = await talk.rest()
        self._note(
            {"done": f"{self._names[str(id(talk))]} socket ends", "frames": frames, "close": [int(code), reason]}
        )

    def _note(self, entry: Json) -> None:
        self.record.append(self._plain(entry))

    def _plain(self, value: Json, key: str = "") -> Json:
        """Replaces what differs in each run, and the sentences for people, whose words may change."""
        if isinstance(value, dict):
            return {self._named(name): self._plain(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self._plain(each, key) for each in value]
        if not isinstance(value, str):
            return value
        if key in _VARYING and _VARYING[key].fullmatch(value):
            return f"<{key}>"
        if key in ("message", "problem") and value != "ok":
            return "<a sentence>"
        return self._named(value)

    def _named(self, text: str) -> str:
        for each, name in self._names.items():
            text = text.replace(each, name)
        return text


def differences(expected: Json, found: Json, place: str = "") -> Iterator[str]:
    """Says where a found value differs from the expected one. Additional fields are no difference."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key in found:
                yield from differences(value, found[key], f"{place}.{key}")
            else:
                yield f"{place}.{key} is missing"
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif (type(expected), expected) != (type(found), found):
        yield f"{place} is {found!r}, not {expected!r}"


async def _record() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with running(Path(directory), **SETTINGS) as daemon:
            client = OldClient(daemon)
            await client.run()
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in client.record)
    sys.stdout.write(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    trio.run(_record)
