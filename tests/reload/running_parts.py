"""The parts of a daemon, running in the test's own process. So a test can see what no client sees."""

import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import trio

from reichatd.accounts import Passwords
from reichatd.chat.connection import Connection
from reichatd.chat.room import LiveRoom
from reichatd.gateway import open_listeners
from reichatd.parts import Configuration, Parts
from reichatd.rights import ADMINISTRATOR, UserActor
from reichatd.settings import AuthSettings, LimitSettings, Settings, merged
from reichatd.store import Registration, User
from reichatd.store.sqlite import open_store
from tests.client import PASSWORD, SECONDS, Talk, http_client, talk_at
from tests.unlimited import CLIENT, UNLIMITED

ROOM = "room"
CHEAP = AuthSettings(argon2_memory_kib=8, argon2_time_cost=1)


def settings(changes: dict[str, Any], base: Settings | None = None) -> Settings:
    """Settings with these values, by full name."""
    data = msgspec.to_builtins(base or Settings(auth=CHEAP, limits=LimitSettings(**UNLIMITED)))
    for key, value in changes.items():
        table = data
        for part in key.split(".")[:-1]:
            table = table[part]
        table[key.rpartition(".")[2]] = value
    return msgspec.convert(data, Settings)


class RunningParts:
    """The parts of a daemon, with a room whose members are ada and bob."""

    def __init__(self, parts: Parts, port: int, nursery: trio.Nursery, tokens: dict[str, str]) -> None:
        self.parts = parts
        self.nursery = nursery
        self.tokens = tokens
        self._port = port

    def reload(self, key: str, value: object, **rest: Any) -> None:  # noqa: ANN401 - a Configuration's
        """Reloads with one key changed; `rest` is the rest of the configuration."""
        new = settings({key: value}, self.parts.settings)
        self.parts.reload(Configuration(**{"settings": new, "tls": None, "mail_password": None, **rest}))
        assert merged(self.parts.settings, new, {key}) == self.parts.settings

    @asynccontextmanager
    async def tcp(self) -> AsyncIterator[trio.SocketStream]:
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
            yield stream

    async def ends(self, stream: trio.abc.ReceiveStream) -> bytes:
        """What arrives until the connection ends. It must end."""
        received = b""
        with trio.fail_after(SECONDS):
            try:
                while data := await stream.receive_some():
                    received += data
            except trio.BrokenResourceError:
                pass
        return received

    @asynccontextmanager
    async def talk(self, name: str = "ada", **headers: str) -> AsyncIterator[Talk]:
        url = f"ws://127.0.0.1:{self._port}/ws/chat/{ROOM}?token={self.tokens[name]}"
        async with talk_at(url, **headers) as talk:
            yield talk

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[Talk]:
        """A socket of the user ada, after `hello`."""
        async with talk_at(f"ws://127.0.0.1:{self._port}/ws/user?token={self.tokens['ada']}") as talk:
            await talk.receive("hello")
            yield talk

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        headers = {"Authorization": f"Bearer {self.tokens['ada']}", **options.pop("headers", {})}
        async with http_client(f"http://127.0.0.1:{self._port}") as http:
            return await http.request(method, path, headers=headers, **options)

    async def newcomer(self, name: str) -> None:
        """Makes one more account."""
        await _newcomer(self.parts, name)

    @property
    def room(self) -> LiveRoom:
        return self.parts.hub._rooms[ROOM]

    @property
    def connection(self) -> Connection:
        """The only connection."""
        [connection] = self.parts.hub.sockets
        return connection


@asynccontextmanager
async def running_parts(
    directory: Path,
    changes: dict[str, Any] | None = None,
    *,
    scribe: bool = True,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[RunningParts]:
    """Runs parts with these settings, by full name; without the scribe if the test starts it later."""
    in_force = settings({"server.port": 0, **(changes or {})})
    store = await open_store(directory / "data")
    listeners = open_listeners(in_force.server.hosts, in_force.server.port, tls=False)
    try:
        parts = Parts(
            Configuration(in_force, tls, None),
            store=store,
            data_directory=directory,
            secret=secrets.token_bytes(32),
            listeners=listeners,
        )
        tokens = {name: await _newcomer(parts, name) for name in ("ada", "bob")}
        await parts.rooms.create(ADMINISTRATOR, "ada", "Room", "", None, ROOM)
        await parts.rooms.members.join(UserActor("bob", ""), ROOM, None)
        async with trio.open_nursery() as nursery:
            for run in (parts.outbox.run, parts.marks.run, parts.hub.run, parts.gateway.run):
                await nursery.start(run)
            await nursery.start(parts.hub.news.run, parts.rooms.own, parts.store.rooms)
            if scribe:
                await nursery.start(parts.scribe.run)
            yield RunningParts(parts, listeners[0].port, nursery, tokens)
            nursery.cancel_scope.cancel()
    finally:
        for listener in listeners:
            listener.close()
        await store.aclose()


async def _newcomer(parts: Parts, name: str) -> str:
    """Makes an account without a mail; returns an access token."""
    email, password_hash = f"{name}@example.org", await Passwords(CHEAP).hash(PASSWORD)
    registration = Registration(email, name, password_hash, "", 5, 1e12)
    await parts.store.users.register(registration, 5)
    assert await parts.store.users.confirm(registration, User(name, email, name, password_hash, 0.0))
    return (await parts.accounts.logins.login(email, PASSWORD, client=CLIENT)).access_token
