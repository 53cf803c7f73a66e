"""The REST calls to a server, and the tokens that authorize them."""

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

from reichatd.terminal.frames import MESSAGE_CHARACTERS, Message

SECONDS = 15.0
"""The timeout of a call or a handshake."""
_PAGE = 1000
"""Public rooms asked for at once: as many as the daemon gives."""
_FRAME_BYTES = 16 * 1024 * 1024
_FRAMES_WAITING = 64

TOTP_REQUIRED = "totp_required"
INVALID_CODE = "invalid_code"
"""Error codes of a login: the password is right, and the second factor is missing or wrong."""

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class ServerRefused(Exception):
    """The server answered with an error. `code` is its stable error code; the text is for a person."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Unreachable(Exception):
    """The server does not answer, or is no reichatd. The text is for a person."""


class _UnexpectedResponse(Unreachable):
    """The answer is not that of a reichatd."""


class LoggedOut(Exception):
    """The login session has ended: a new one needs the password."""


class Login(msgspec.Struct):
    """A login at a server. Both tokens are secrets. A token for programs is an access token without a refresh token."""

    email: str
    user_id: str
    access_token: str
    refresh_token: str


class RoomChoice(msgspec.Struct, frozen=True):
    room_id: str
    name: str
    description: str


# Responses, reduced to the fields that this client uses


class _Confirmation(msgspec.Struct):
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


class RoomUnread(msgspec.Struct, frozen=True):
    """A joined room; the last two fields are 0 with an older server, too.

    Arguments:
        unread: messages that the user has not read.
        mentions: those of them that mention the user.
    """

    room_id: str
    name: str
    unread: int = 0
    mentions: int = 0


class _UnreadRooms(msgspec.Struct):
    rooms: list[RoomUnread]


class _Pins(msgspec.Struct):
    messages: list[Message]


class _OneRoom(msgspec.Struct):
    room: RoomChoice


class _Limits(msgspec.Struct):
    message_chars: int


class _About(msgspec.Struct):
    limits: _Limits


class _ErrorBody(msgspec.Struct):
    code: str
    message: str


Response = TypeVar("Response", _Confirmation, _LoggedIn, _Renewed, _Rooms, _UnreadRooms, _Pins, _OneRoom, _About)


class ServerClient:
    """One server, and the user's login there.

    Arguments:
        url: http://HOST[:PORT] or https://…, with a path if a proxy serves the daemon below one.
        login: an earlier login; without it only `log_in`, `check` and `message_characters` work.
        save: called with the login each time it changes.
    """

    def __init__(self, url: str, login: Login | None, save: Callable[[Login], None]) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._host = self._url.hostname or ""
        self._port = self._url.port or (443 if self._url.scheme == "https" else 80)
        self._save = save
        self.login = login
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        # Without TLS nothing is verified, and httpx need not load certificate authorities.
        self._http = httpx.AsyncClient(base_url=self._url.geturl(), timeout=SECONDS, verify=self._tls or False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Checks that a reichatd answers, before the user is asked for anything.

        Raises: Unreachable.
        """
        try:
            await self._request(_Confirmation, "GET", "/", None)
        except ServerRefused as refusal:
            raise Unreachable(str(refusal)) from refusal

    async def message_characters(self) -> int:
        """How many characters a message may have on this server; the default of the contract if an older server does not say.

        Raises: Unreachable.
        """
        try:
            about = await self._request(_About, "GET", "/about", None)
        except (ServerRefused, _UnexpectedResponse):
            return MESSAGE_CHARACTERS
        return about.limits.message_chars

    async def log_in(self, email: str, password: str, totp: str | None = None) -> None:
        """Starts a login session.

        Arguments:
            totp: a code of the user's second factor, or a recovery code. An older server knows nothing of it.

        Raises: ServerRefused (with the code `TOTP_REQUIRED` if `totp` is needed), Unreachable.
        """
        body = {"email": email, "password": password} | ({"totp": totp} if totp else {})
        answer = await self._request(_LoggedIn, "POST", "/login", None, body)
        self._set_login(Login(email, answer.user_id, answer.tokens.access_token, answer.tokens.refresh_token))

    async def renew(self) -> None:
        """Gets a new access token.

        Raises: LoggedOut, Unreachable.
        """
        login = self._require_login()
        if not login.refresh_token:
            return  # a token for programs lasts
        try:
            answer = await self._request(_Renewed, "GET", "/refresh", login.refresh_token)
        except ServerRefused as refusal:
            if refusal.status == 401:
                raise LoggedOut from refusal
            raise Unreachable(str(refusal)) from refusal
        self._set_login(msgspec.structs.replace(login, access_token=answer.tokens.access_token))

    async def log_out(self) -> None:
        """Ends the login session.

        Raises: LoggedOut (it had ended before), ServerRefused, Unreachable.
        """
        await self._call(_Confirmation, "POST", "/logout")

    async def rooms(self, which: Literal["joined", "public"]) -> list[RoomChoice]:
        """The rooms that the user has joined, or all public rooms.

        Raises: LoggedOut, ServerRefused, Unreachable.
        """
        if which == "joined":
            return (await self._call(_Rooms, "GET", "/joined")).rooms
        found: dict[str, RoomChoice] = {}
        path = f"/public?limit={_PAGE}"
        while True:
            page = (await self._call(_Rooms, "GET", path)).rooms
            # An older daemon knows no pages, and gives the same list each time.
            is_new = any(room.room_id not in found for room in page)
            found.update((room.room_id, room) for room in page)
            if len(page) != _PAGE or not is_new:
                return list(found.values())
            path = f"/public?limit={_PAGE}&after={quote(page[-1].room_id, safe='')}"

    async def unread(self) -> list[RoomUnread]:
        """How much is unread in the rooms that the user has joined.

        Raises: LoggedOut, ServerRefused, Unreachable.
        """
        return (await self._call(_UnreadRooms, "GET", "/joined?members=false")).rooms

    async def pins(self, room_id: str) -> list[Message]:
        """The pinned messages of a room.

        Raises: LoggedOut, ServerRefused (by an older server, too), Unreachable.
        """
        return (await self._call(_Pins, "GET", f"/room/{quote(room_id, safe='')}/pins")).messages

    async def room(self, room_id: str) -> RoomChoice:
        """The room with this id, joined or not.

        Raises: LoggedOut, ServerRefused, Unreachable.
        """
        return (await self._call(_OneRoom, "GET", f"/room/{quote(room_id, safe='')}")).room

    async def join(self, room_id: str, password: str | None = None) -> None:
        """Joins a room. Succeeds if the user is a member already.

        Raises: LoggedOut, ServerRefused, Unreachable.
        """
        try:
            await self._call(_Confirmation, "POST", f"/room/{quote(room_id, safe='')}/join", {"password": password})
        except ServerRefused as refusal:
            if refusal.code != "already_joined":
                raise

    async def connect(self) -> Stream:
        """Connects to the server, for a WebSocket; the caller closes the stream.

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

    async def open_websocket(self, nursery: trio.Nursery, stream: Stream, room_id: str) -> WebSocketConnection:
        """Opens a WebSocket to a room; its task runs in the nursery. The token is sent in a header: URLs end up in logs.

        Raises: Unreachable.
        """
        try:
            with trio.fail_after(SECONDS):
                return await wrap_client_stream(
                    nursery,
                    stream,
                    self._url.netloc,
                    f"{self._url.path}/ws/chat/{quote(room_id, safe='')}",
                    extra_headers=[(b"Authorization", f"Bearer {self._require_login().access_token}".encode())],
                    message_queue_size=_FRAMES_WAITING,
                    max_message_size=_FRAME_BYTES,
                )
        except (HandshakeError, trio.TooSlowError) as error:
            raise Unreachable(_reason(error)) from error

    def _require_login(self) -> Login:
        if self.login is None:
            raise LoggedOut
        return self.login

    def _set_login(self, login: Login) -> None:
        self.login = login
        self._save(login)

    async def _call(self, response_type: type[Response], method: str, path: str, body: object = None) -> Response:
        """One call, repeated with a new access token if the current one has expired."""
        try:
            return await self._request(response_type, method, path, self._require_login().access_token, body)
        except ServerRefused as refusal:
            if refusal.status != 401:
                raise
            if not self._require_login().refresh_token:
                raise LoggedOut from refusal  # a token for programs that has ended
        await self.renew()
        return await self._request(response_type, method, path, self._require_login().access_token, body)

    async def _request(
        self, response_type: type[Response], method: str, path: str, token: str | None, body: object = None
    ) -> Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = await self._http.request(method, path, json=body, headers=headers)
            if response.is_success:
                return msgspec.json.decode(response.content, type=response_type)
            refusal = msgspec.json.decode(response.content, type=_ErrorBody)
        except httpx.HTTPError as error:
            raise Unreachable(_reason(error)) from error
        except msgspec.DecodeError as error:
            raise _UnexpectedResponse("what answers there is no reichatd") from error
        raise ServerRefused(response.status_code, refusal.code, refusal.message)


def _reason(error: BaseException) -> str:
    """The reason for an error: the system's text if there is one."""
    while (
        cause := error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    ):
        error = cause
    if isinstance(error, OSError) and error.strerror:
        # Trio puts the address, which the user knows, before the system's text.
        has_own_text = isinstance(error, ssl.SSLError | socket.gaierror) or error.errno is None
        return error.strerror if has_own_text else os.strerror(error.errno or 0)
    return "it does not answer in time" if isinstance(error, trio.TooSlowError) else str(error) or type(error).__name__
