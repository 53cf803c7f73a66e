"""Sends the list of public rooms piece by piece, so that a client that stops reading takes little memory."""

from collections.abc import AsyncGenerator, Iterable
from types import TracebackType

import msgspec
from quart.wrappers.response import ResponseBody

from reichatd.api.types import RoomInShort
from reichatd.errors import RoomNotFound
from reichatd.rooms import Rooms
from reichatd.store import RoomSummary

_PIECE_BYTES = 16_384
_LEAST_ROOMS = 8
"""A room takes up to 6 KB in JSON, so that a thousand lists that no one reads take about 50 MB."""
_MOST_ROOMS = 500
_ROOMS_TOGETHER = 2000
_encoder = msgspec.json.Encoder()


class RoomLists:
    """The lists that are being sent. The more there are, the fewer rooms each reads from the store at once."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self.sending = 0
        """How many lists are being sent."""

    @property
    def rooms_at_once(self) -> int:
        """How many rooms one list may read at once."""
        return min(_MOST_ROOMS, max(_LEAST_ROOMS, _ROOMS_TOGETHER // max(1, self.sending)))

    async def begin(self, after: str | None, limit: int) -> "RoomList":
        """Reads the first rooms of a list, which the caller then sends.

        Arguments:
            after: the id of the room before the first one; None for the beginning.
            limit: the most rooms.

        Raises:
            RoomNotFound: there is no room with the id `after`.
            StoreError
        """
        # Few, whatever `sending` is: many requests may be here at once.
        asked = min(limit, _LEAST_ROOMS)
        first = await self.rooms.public(after, asked)
        return RoomList(self, first, limit - asked if len(first) == asked else 0)


class RoomList(ResponseBody):
    """The body of an answer; made by `RoomLists.begin`.

    An error of the store in the middle ends the connection, so that the client does not take the part for the whole.
    """

    def __init__(self, lists: RoomLists, first: list[RoomSummary], left: int) -> None:
        self._lists = lists
        self._first = first
        self._left = left

    async def __aenter__(self) -> AsyncGenerator[bytes]:
        self._lists.sending += 1
        self._pieces = self._generate()
        return self._pieces

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lists.sending -= 1
        await self._pieces.aclose()

    async def _generate(self) -> AsyncGenerator[bytes]:
        text, page = b'{"message":"ok","rooms":[', self._first
        while page:
            text += _encoder.encode(in_short(page))[1:-1]
            ids = [room.room_id for room in page]
            page = []  # a slow reader holds the text only
            for start in range(0, len(text), _PIECE_BYTES):
                yield text[start : start + _PIECE_BYTES]
            page = await self._next(ids)
            text = b"," if page else b""
        yield text + b"]}"

    async def _next(self, ids: list[str]) -> list[RoomSummary]:
        """The rooms after those with these ids. The last of them may have been deleted meanwhile."""
        asked = min(self._left, self._lists.rooms_at_once)
        if not asked:
            return []
        for room_id in reversed(ids):
            try:
                page = await self._lists.rooms.public(room_id, asked)
            except RoomNotFound:
                continue
            self._left = self._left - asked if len(page) == asked else 0
            return page
        raise RoomNotFound


def in_short(summaries: Iterable[RoomSummary]) -> list[RoomInShort]:
    return [RoomInShort(room_id=room.room_id, name=room.name, description=room.description) for room in summaries]
