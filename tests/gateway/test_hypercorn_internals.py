"""What the gateway relies on inside Hypercorn. A failure here means: read hypercorn_internals.py again."""

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11
import pytest
import trio
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol

from reichatd.gateway.forwarded import RequestOrigin
from reichatd.gateway.hypercorn_internals import (
    ASGIWrapper,
    Closed,
    Event,
    HttpProtocol,
    RawData,
    RequestRefused,
    TaskGroup,
    Updated,
    WorkerContext,
)
from tests.gateway.raw import request, upgrade

PEER = RequestOrigin("203.0.113.9", "https")
LOCAL = ("192.0.2.1", 443)


class Driven:
    """A protocol without a connection: the events that it sends, and the scopes and bodies that its application gets."""

    def __init__(self, group: TaskGroup) -> None:
        self.context = WorkerContext(None)
        self.protocol = HttpProtocol(
            ASGIWrapper(self._app), self.context, group, PEER, LOCAL, self._send, head_bytes=1000
        )
        self.sent: list[Event] = []
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def _send(self, event: Event) -> None:
        self.sent.append(event)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        self.scopes.append(scope)
        if scope["path"] == "/crash":
            raise RuntimeError("as an application may")
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def handle(self, data: bytes) -> None:
        """Feeds bytes, and waits until nothing more happens."""
        await self.protocol.handle(RawData(data))
        await trio.testing.wait_all_tasks_blocked()

    @property
    def data(self) -> list[bytes]:
        return [event.data for event in self.sent if isinstance(event, RawData)]

    @property
    def idle(self) -> list[bool]:
        return [event.idle for event in self.sent if isinstance(event, Updated)]


@asynccontextmanager
async def driven() -> AsyncIterator[Driven]:
    with trio.fail_after(5):
        async with TaskGroup() as group:
            yield Driven(group)


def parameters(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_names_that_we_use() -> None:
    assert parameters(H11Protocol) == [
        *("app", "config", "context", "task_group", "connection_state", "ssl", "client", "server", "send")
    ], "H11Protocol takes other arguments now"
    hooks: dict[str, list[str]] = {
        "_check_protocol": ["self", "event"],
        "_send_error_response": ["self", "status_code"],
        "_send_h11_event": ["self", "event"],
        "handle": ["self", "event"],
    }
    for name, expected in hooks.items():
        method: Callable[..., Awaitable[None]] | None = getattr(H11Protocol, name, None)
        assert method is not None, f"H11Protocol.{name} is gone"
        assert inspect.iscoroutinefunction(method), f"H11Protocol.{name} does not wait any more"
        assert parameters(method) == expected, f"H11Protocol.{name} takes other arguments now"
    for setting in ("h11_max_incomplete_size", "include_server_header", "errorlog", "accesslog"):
        assert hasattr(Config(), setting), f"Config.{setting} is gone: what takes its place?"


async def test_a_request_is_answered_in_events() -> None:
    async with driven() as it:
        await it.handle(request("GET", "/path?x=y", "X: z"))
        assert it.idle == [False, True]
        assert it.data[0].startswith(b"HTTP/1.1 200 "), "the head of a response comes first, and on its own"
        assert b"server:" not in it.data[0].lower()
        assert b"".join(it.data[1:]) == b"ok"
        (scope,) = it.scopes
        assert (scope["path"], scope["query_string"], scope["scheme"]) == ("/path", b"x=y", "https")
        assert (scope["client"], scope["server"]) == (("203.0.113.9", 0), LOCAL)
        assert (b"x", b"z") in scope["headers"]
        assert isinstance(it.protocol.connection, h11.Connection)


async def test_a_crash_of_the_application_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "hypercorn.error"):
        async with driven() as it:
            await it.handle(request("GET", "/crash"))
            assert it.data[0].startswith(b"HTTP/1.1 500 ")
    assert [record.name for record in caplog.records] == ["hypercorn.error"], "Config.errorlog is not used"


async def test_it_says_whether_a_body_must_still_come() -> None:
    async with driven() as it:
        body = request("POST", "/", body=b"body")
        await it.handle(body[:-2])
        assert it.protocol.is_receiving_body
        await it.handle(body[-2:])
        assert not it.protocol.is_receiving_body
        assert it.bodies == [b"body"]


async def test_bytes_behind_a_request_can_be_taken_out() -> None:
    async with driven() as it:
        await it.handle(request("POST", "/", body=b"body") + b"GET / HT")
        assert it.protocol.take_trailing_data() == b"GET / HT"
        assert it.protocol.take_trailing_data() == b""
        await it.handle(request("GET", "/"))
        assert it.bodies == [b"body", b""], "the protocol goes on with its new h11 connection"


async def test_after_the_end_a_connection_is_not_used_again() -> None:
    async with driven() as it:
        await it.context.terminated.set()
        assert it.context.terminated.is_set()
        await it.handle(request("GET", "/"))
        assert it.data[0].startswith(b"HTTP/1.1 200 ")
        assert isinstance(it.sent[-1], Closed)


# --- what Hypercorn would do otherwise


async def test_a_request_that_cannot_be_parsed_gets_our_answer() -> None:
    async with driven() as it:
        await it.handle(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
        assert it.data[0].startswith(b"HTTP/1.1 400 ")
        assert b"".join(it.data).endswith(b'"code":"bad_request"}')
        assert isinstance(it.sent[-1], Closed)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (upgrade("/"), 400),
        (request("GET", "?no=path"), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (request("POST", "/", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
    ],
    ids=["WebSocket", "no path", "HTTP/2", "two lengths"],
)
async def test_what_the_application_must_not_see_is_refused(raw: bytes, status: int) -> None:
    async with driven() as it:
        with pytest.raises(RequestRefused):
            await it.handle(raw)
        assert it.data[0].startswith(b"HTTP/1.1 %d " % status), "is _check_protocol called with each request?"
        assert it.scopes == []


async def test_an_upgrade_to_http_2_is_ignored() -> None:
    async with driven() as it:
        await it.handle(
            request("GET", "/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMA")
        )
        assert it.data[0].startswith(b"HTTP/1.1 200 ")
