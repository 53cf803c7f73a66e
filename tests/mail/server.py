"""A real SMTP server (aiosmtpd) in its own thread."""

import asyncio
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from typing import TYPE_CHECKING, Any, cast

import trio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    from email.message import EmailMessage

USERNAME, PASSWORD = "reichatd", "correct horse"


class MailServer:
    """Binds its port at once, and refuses connections there until `start`.

    Arguments:
        implicit_tls: for connections that begin with TLS.
        replies: the replies to RCPT TO, by recipient, one for each try; after these, and for others, "250 OK".
        greylist_seconds: how long a recipient is refused for now, from the first try on.
        closing_reply: sent in place of a reply to EHLO, before the server closes.
        options: for aiosmtpd's SMTP.
    """

    def __init__(
        self,
        *,
        implicit_tls: ssl.SSLContext | None = None,
        replies: dict[str, list[str]] | None = None,
        greylist_seconds: float = 0.0,
        closing_reply: str = "",
        **options: Any,  # noqa: ANN401 - aiosmtpd's own
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.tried: list[str] = []
        self.logged_in: list[bool] = []
        self.names: list[str] = []
        """The names of the clients, from EHLO."""
        self._first_tries: dict[str, float] = {}
        self._greylist_seconds = greylist_seconds
        self._closing_reply = closing_reply
        self._replies = replies or {}
        self._options = options
        self._tls = implicit_tls
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="mail server")
        self._ready = threading.Event()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.names.append(hostname)
        session.host_name = hostname
        if self._closing_reply and server.transport is not None:
            await server.push(self._closing_reply)
            server.transport.close()
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried.append(address)
        now = time.monotonic()
        if now < self._first_tries.setdefault(address, now) + self._greylist_seconds:
            return "450 4.2.0 Greylisted, come again"
        replies = self._replies.get(address)
        reply = replies.pop(0) if replies else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = cast("bytes", envelope.content)
        self.messages.append(message_from_bytes(content, policy=email.policy.default))
        self.recipients += [str(address) for address in envelope.rcpt_tos]
        self.logged_in.append(bool(session.authenticated))
        return "250 OK"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()
        self._socket.close()

    def _serve(self) -> None:
        server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: SMTP(self, hostname="mail.test", loop=self._loop, **self._options),
                sock=self._socket,
                ssl=self._tls,
            )
        )
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._end_tasks())

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # closed transports get connection_lost in the next round


def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    """Accepts USERNAME with PASSWORD only."""
    good = data == LoginPassword(USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Polls for something that happens outside of Trio."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - it happens in a thread or another process
            await trio.sleep(0.005)
