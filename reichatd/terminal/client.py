"""A server: its REST calls, and the tokens that open them."""

import os
import socket
import ssl
from collections.abc import Callable
from typing import Literal, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
import trio
from trio_websocket import HandshakeError, WebSocketConnection, wrap_client_stream

from reichatd.terminal.frames import MESSAGE_CHARACTERS

SECONDS = 15.0
"""How long a call, or a handshake, may take."""
_FRAME_BYTES = 16 * 1024 * 1024
_FRAMES_WAITING = 64

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class ServerRefused(Exception):
    """The server has answered, and said no. `code` is its word for programs; the text is for a person."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Unreachable(Exception):
    """The server does not answer, or not as one of its kind. The text is for a person."""


class _UnexpectedResponse(Unreachable):
    """An answer that makes no sense."""


class LoggedOut(Exception):
    """The login session is over: a password is needed for a new one."""


class Login(msgspec.Struct):
    """Who one is at a server. Both tokens are secrets."""

    email: str
    user_id: str
    access_token: str
    refresh_token: str


class RoomChoice(msgspec.Struct, frozen=True):
    room_id: str
    name: str
    description: str


# Answers, as far as they matter here


class _Done(msgspec.Struct):
    message: str


class _Tokens(msgspec.Struct):
    access_token: str
    refresh_token: str = ""


class _LoggedIn(msgspec.Struct):
    tokens: _Tokens
    user_id: str


class _Renewed(msgspec.Struct):
    tokens: _Tokens


class _Rooms(msgspec.Struct):
    rooms: list[RoomChoice]


class _SomeRoom(msgspec.Struct):
    room: RoomChoice


class _Limits(msgspec.Struct):
    message_chars: int


class _About(msgspec.Struct):
    limits: _Limits


class _Refusal(msgspec.Struct):
    code: str
    message: str


Kind = TypeVar("Kind", _Done, _LoggedIn, _Renewed, _Rooms, _SomeRoom, _About)


class ServerClient:
    """One server, and one's login there.

    Arguments:
        url: http://HOST[:PORT] or https://…, with a path before the calls' own if a proxy wants one.
        login: an earlier one; without it only `log_in` will do.
        keep: is given the login when it has changed.
    """

    def __init__(self, url: str, login: Login | None, keep: Callable[[Login], None]) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._host = self._url.hostname or ""
        self._port = self._url.port or (443 if self._url.scheme == "https" else 80)
        self._keep = keep
        self.login = login
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        # Without TLS nothing is verified, and httpx need not load any authorities.
        self._http = httpx.AsyncClient(base_url=self._url.geturl(), timeout=SECONDS, verify=self._tls or False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Finds out whether a reichatd answers, before a person is asked for anything.

        Raises: Unreachable.
        """
        try:
            await self._request(_Done, "GET", "/", None)
        except ServerRefused as refusal:
            raise Unreachable(str(refusal)) from refusal

    async def message_characters(self) -> int:
        """How many characters a message may have here; the contract's own number where the server does not say.

        Raises: Unreachable.
        """
        try:
            about = await self._request(_About, "GET", "/about", None)
        except (ServerRefused, _UnexpectedResponse):
            return MESSAGE_CHARACTERS
        return about.limits.message_chars

    async def log_in(self, email: str, password: str) -> None:
        """Begins a login session.

        Raises: Refused, Unreachable.
        """
        answer = await self._request(_LoggedIn, "POST", "/login", None, {"email": email, "password": password})
        self._change(Login(email, answer.user_id, answer.tokens.access_token, answer.tokens.refresh_token))

    async def renew(self) -> None:
        """Gets a new access token.

        Raises: LoggedOut, Unreachable.
        """
        login = self._known()
        try:
            answer = await self._request(_Renewed, "GET", "/refresh", login.refresh_token)
        except ServerRefused as refusal:
            if refusal.status == 401:
                raise LoggedOut from refusal
            raise Unreachable(str(refusal)) from refusal
        self._change(msgspec.structs.replace(login, access_token=answer.tokens.access_token))

    async def log_out(self) -> None:
        """Ends the login session.

        Raises: LoggedOut (it was over), Refused, Unreachable.
        """
        await self._call(_Done, "POST", "/logout")

    async def rooms(self, which: Literal["joined", "public"]) -> list[RoomChoice]:
        """The rooms that one has joined, or all that are public.

        Raises: LoggedOut, Refused, Unreachable.
        """
        return (await self._call(_Rooms, "GET", f"/{which}")).rooms

    async def room(self, room_id: str) -> RoomChoice:
        """The room with this id, joined or not.

        Raises: LoggedOut, Refused, Unreachable.
        """
        return (await self._call(_SomeRoom, "GET", f"/room/{quote(room_id, safe='')}")).room

    async def join(self, room_id: str, password: str | None = None) -> None:
        """Becomes a member, unless one is already.

        Raises: LoggedOut, Refused, Unreachable.
        """
        try:
            await self._call(_Done, "POST", f"/room/{quote(room_id, safe='')}/join", {"password": password})
        except ServerRefused as refusal:
            if refusal.code != "already_joined":
                raise

    async def connect(self) -> Stream:
        """A connection for a WebSocket; the caller closes it.

        Raises: Unreachable.
        """
        try:
            with trio.fail_after(SECONDS):
                if self._tls is None:
                    return await trio.open_tcp_stream(self._host, self._port)
                stream = await trio.open_ssl_over_tcp_stream(self._host, self._port, ssl_context=self._tls)
                await stream.do_handshake()
                return stream
        except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
            raise Unreachable(_reason(error)) from error

    async def enter(self, nursery: trio.Nursery, stream: Stream, room_id: str) -> WebSocketConnection:
        """Makes a connection a WebSocket in a room, which lives in the nursery. The token goes by a header: addresses end in logs.

        Raises: Unreachable.
        """
        try:
            with trio.fail_after(SECONDS):
                return await wrap_client_stream(
                    nursery,
                    stream,
                    self._url.netloc,
                    f"{self._url.path}/ws/chat/{quote(room_id, safe='')}",
                    extra_headers=[(b"Authorization", f"Bearer {self._known().access_token}".encode())],
                    message_queue_size=_FRAMES_WAITING,
                    max_message_size=_FRAME_BYTES,
                )
        except (HandshakeError, trio.TooSlowError) as error:
            raise Unreachable(_reason(error)) from error

    def _known(self) -> Login:
        if self.login is None:
            raise LoggedOut
        return self.login

    def _change(self, login: Login) -> None:
        self.login = login
        self._keep(login)

    async def _call(self, kind: type[Kind], method: str, path: str, body: object = None) -> Kind:
        """One call, with a new access token if the one we have is too old."""
        try:
            return await self._request(kind, method, path, self._known().access_token, body)
        except ServerRefused as refusal:
            if refusal.status != 401:
                raise
        await self.renew()
        return await self._request(kind, method, path, self._known().access_token, body)

    async def _request(self, kind: type[Kind], method: str, path: str, token: str | None, body: object = None) -> Kind:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = await self._http.request(method, path, json=body, headers=headers)
            if response.is_success:
                return msgspec.json.decode(response.content, type=kind)
            refusal = msgspec.json.decode(response.content, type=_Refusal)
        except httpx.HTTPError as error:
            raise Unreachable(_reason(error)) from error
        except msgspec.DecodeError as error:
            raise _UnexpectedResponse("what answers there is no reichatd") from error
        raise ServerRefused(response.status_code, refusal.code, refusal.message)


def _reason(error: BaseException) -> str:
    """Why, in the words of the system where there are any."""
    while (
        cause := error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    ):
        error = cause
    if isinstance(error, OSError) and error.strerror:
        # Trio puts the address, which is known here, before the system's words.
        has_own_words = isinstance(error, ssl.SSLError | socket.gaierror) or error.errno is None
        return error.strerror if has_own_words else os.strerror(error.errno or 0)
    return "it does not answer in time" if isinstance(error, trio.TooSlowError) else str(error) or type(error).__name__
