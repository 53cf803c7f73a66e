"""Answers full of messages, which may be many and long: read page by page, sent piece by piece.

A thousand messages may be 30 MB, and whoever asked for them may take his time, on many sockets. So there is never more in memory
than a page of messages and a piece of text: what is longer than a piece goes out as one WebSocket message in several frames
(RFC 6455, 5.4), which clients' libraries put together.
"""

from collections.abc import Callable, Iterator

from reichatd.chat import frames
from reichatd.chat.room import LiveRoom
from reichatd.chat.socket import Socket

_PAGE = 128
"""Messages that are read at once: more than most clients ask for, so that theirs is one read of the store."""


Show = Callable[[int, int], frames.InitialState | frames.FetchResponse]


class HistoryReply:
    """The messages of some ids that exist, on their way to one socket. `begin`, then `send`, each once.

    Arguments:
        room: open.
        first_id, last_id: both included.
        show: makes the frame, with no messages in it, of the ids that the log begins and ends with; asked for each piece, since
            both may have moved on when the last one, which shows them, is made.
        piece_bytes: about how much is sent at once.
    """

    def __init__(
        self,
        room: LiveRoom,
        first_id: int,
        last_id: int,
        show: Show,
        piece_bytes: int,
    ) -> None:
        self.resume_at: int | None = None
        """The id after the answer, if that reached the end of the log as it was then; known once it is sent."""
        self._room = room
        self._next_id = first_id
        self._last_id = last_id
        self._show = show
        self._piece_bytes = piece_bytes
        self._page: Iterator[bytes | memoryview] = iter(())  # what was read and is in no piece yet
        self._newest = 0  # the last id in any page; the store may have been ahead of the room
        self._log_end = 0  # the last id of the log, as it was when the last page was read
        self._was_last_page = False
        self._begun = self._whole = False  # whether the first piece has been made, and the last one
        self._first_piece = b""

    async def begin(self) -> None:
        """Reads, and makes the first piece; sends nothing.

        Raises:
            StoreError
        """
        self._first_piece = await self._next_piece()

    async def send(self, socket: Socket) -> None:
        """Sends it all, waiting for the socket to take it.

        Raises:
            PeerGone, PeerStalled
            StoreError: it cannot be finished; nothing but a close frame may follow.
        """
        if self._whole:
            await socket.send(self._first_piece)
            return
        async with socket.unbroken() as send:
            await send(self._first_piece)
            while not self._whole:
                await send(await self._next_piece())

    async def _next_piece(self) -> bytes:
        is_first, self._begun = not self._begun, True
        messages = await self._gather()
        before, behind = frames.around_messages(self._show(self._room.first_id, self._log_end))
        if not is_first:
            before = b"," if messages else b""
        parts = (before, b",".join(messages), behind if self._whole else b"")
        return frames.piece(parts, is_first=is_first, is_last=self._whole)

    async def _gather(self) -> list[bytes | memoryview]:
        """The next messages: enough for a piece, or all that are left."""
        messages: list[bytes | memoryview] = []
        size = 0
        while True:
            for message in self._page:
                messages.append(message)
                size += len(message)
                if size >= self._piece_bytes:
                    return messages
            if self._was_last_page:
                self._whole = True
                return messages
            self._page = await self._read_page()

    async def _read_page(self) -> Iterator[bytes | memoryview]:
        room = self._room
        first_id = max(self._next_id, room.first_id)
        last_id = min(first_id + _PAGE - 1, self._last_id)
        end = room.last_id
        page: Iterator[bytes | memoryview]
        recent = room.recent(first_id, last_id)
        if recent is None:
            if first_id > end + 1:
                # The asker may have been shown, from the store, more than the room has heard of. Read first: what comes after this
                # is in the page, or behind the answer.
                end = max(end, await room.stored_last_id())
            messages = await room.read(first_id, last_id)
            page, newest = map(frames.as_json, messages), messages[-1].message_id if messages else 0
        else:
            page, newest = map(frames.message_in, recent), min(last_id, end)
        self._next_id = last_id + 1
        self._newest = max(self._newest, newest)
        # Full to its last id, a page may have others behind it that the room has not heard of: another daemon's.
        self._was_last_page = last_id == self._last_id or newest < last_id >= end
        self._log_end = max(self._newest, end)
        self.resume_at = self._log_end + 1 if last_id >= end else None
        return page
