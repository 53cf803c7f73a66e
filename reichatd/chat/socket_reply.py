"""Answers a post or a change on the socket that it came from."""

from typing import Protocol, cast

from reichatd.chat import frames
from reichatd.chat.connection import Connection
from reichatd.errors import Muted, ReichatError, TryAgainLater
from reichatd.store import User
from reichatd.timestamps import isoformat


class Replies(Protocol):
    """Sends replies: the hub."""

    def reply(self, room_id: str, connection: Connection, frame: bytes) -> None:
        """Sends a frame to one connection in a room, where it is in flight already. Does not wait."""


class SocketReply:
    """A `PostReply` to one socket: an ack if there is a nonce, or an error. From `expect` on it is in flight.

    Arguments:
        nonce: the frame's; None if it has none, or none that is valid.
    """

    __slots__ = ("_connection", "_nonce", "_replies", "_room_id")

    def __init__(self, replies: Replies, connection: Connection, room_id: str, nonce: str | None) -> None:
        self._replies = replies
        self._connection = connection
        self._room_id = room_id
        self._nonce = nonce

    @property
    def user(self) -> User:
        return self._connection.user

    def expect(self) -> None:
        self._connection.delivery.expect_reply()

    def accept(self, message_id: int, change_id: int | None, *, is_new: bool) -> None:
        if self._nonce is None:
            self._connection.delivery.settle(1)
        else:
            self._send(frames.encode(frames.Ack(self._nonce, message_id, change_id)))

    def refuse(self, error: ReichatError) -> None:
        retry_after = error.retry_after if isinstance(error, TryAgainLater) and error.code == "rate_limited" else None
        until = isoformat(error.until) if isinstance(error, Muted) else None
        # A test holds the codes of all refusals to be among those of frames.
        code = cast("frames.ErrorCode", error.code)
        self._send(frames.error(code, error.message, nonce=self._nonce, retry_after=retry_after, until=until))

    def _send(self, frame: bytes) -> None:
        self._replies.reply(self._room_id, self._connection, frame)
