"""Replies that contain many messages: read from the log page by page, sent in pieces.

A thousand messages may take 30 MB, and slow clients may ask for them on many sockets. So memory holds at most one page of messages
and one piece of text at a time: a longer reply is one WebSocket message in several frames (RFC 6455, 5.4), which the client's
library puts together. A page of long messages has fewer of them.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

from reichatd.chat import frames
from reichatd.chat.room import LiveRoom
from reichatd.chat.socket import Socket
from reichatd.store import is_cut

_PAGE = 128
"""The most messages in one read: more than most clients ask for, so that most replies take one read of the store."""
_PIECES_IN_PAGE = 2
"""Characters in one read, in pieces: reads of one piece each make long messages cost half as much again in CPU time."""

MakeFrame = Callable[[int, int], frames.InitialState | frames.FetchResponse]


class HistoryReply:
    """A reply with the existing messages of a range of ids, for one socket. Call `begin`, then `send`, each once.

    Arguments:
        room: an open room.
        first_id, last_id: both included.
        make_frame: makes the frame without its messages, from the first and the last id of the log. Called for each piece: both
            may have changed by the last piece, which shows them.
        piece_bytes: about how many bytes are sent at once.
    """

    def __init__(
        self,
        room: LiveRoom,
        first_id: int,
        last_id: int,
        make_frame: MakeFrame,
        piece_bytes: int,
    ) -> None:
        self.resume_at: int | None = None
        """The id after the reply, if the reply reached the end of the log at that time; valid after `send`."""
        self._room = room
        self._next_id = first_id
        self._last_id = last_id
        self._make_frame = make_frame
        self._piece_bytes = piece_bytes
        self._page_chars = _PIECES_IN_PAGE * piece_bytes
        self._page: list[bytes | memoryview] = []  # read, and in no piece yet
        self._page_ids = _PAGE  # how many ids the next page asks for: fewer if the messages are long
        self._newest = 0  # the last id in any page; the store may be ahead of the room
        self._log_end = 0  # the last id of the log when the last page was read
        self._was_last_page = False
        self._begun = self._whole = False  # whether the first piece is made, and the last one
        self._first_piece = b""

    async def begin(self) -> None:
        """Reads the first page and makes the first piece; sends nothing.

        Raises:
            StoreError
        """
        self._first_piece = await self._next_piece()

    async def send(self, socket: Socket, hold: Callable[[int], None]) -> None:
        """Sends the whole reply; waits for the socket.

        Arguments:
            hold: called before each wait, with the bytes that are in memory meanwhile.

        Raises:
            PeerGone, PeerStalled
            StoreError: the reply cannot be finished; only a close frame may follow.
        """
        piece, self._first_piece = self._first_piece, b""
        hold(self._held(piece))
        if self._whole:
            await socket.send(piece)
            return
        async with socket.unbroken() as send:
            await send(piece)
            while not self._whole:
                piece = await self._next_piece()
                hold(self._held(piece))
                await send(piece)

    def _held(self, piece: bytes) -> int:
        return len(piece) + sum(map(len, self._page))

    async def _next_piece(self) -> bytes:
        is_first, self._begun = not self._begun, True
        messages = await self._gather()
        before, after = frames.around_messages(self._make_frame(self._room.first_id, self._log_end))
        if not is_first:
            before = b"," if messages else b""
        parts = (before, b",".join(messages), after if self._whole else b"")
        return frames.piece(parts, is_first=is_first, is_last=self._whole)

    async def _gather(self) -> list[bytes | memoryview]:
        """The next messages: enough for a piece, or all that remain."""
        messages: list[bytes | memoryview] = []
        size = 0
        while True:
            count = _count_up_to(self._page, self._piece_bytes - size)
            taken, self._page = self._page[:count], self._page[count:]
            messages += taken
            size += sum(map(len, taken))
            if size >= self._piece_bytes:
                return messages
            if self._was_last_page:
                self._whole = True
                return messages
            self._page = await self._read_page()

    async def _read_page(self) -> list[bytes | memoryview]:
        room = self._room
        first_id = max(self._next_id, room.first_id)
        last_id = min(first_id + self._page_ids - 1, self._last_id)
        end = room.last_id
        page: list[bytes | memoryview]
        recent = room.recent(first_id, last_id)
        if recent is None:
            if first_id > end + 1:
                # The client may have got messages from the store that the room does not know yet. The end is read first: later
                # messages are in the page, or come after the reply.
                end = max(end, await room.stored.last_id())
            messages = await room.stored.read(first_id, last_id, self._page_chars)
            page = [frames.as_json(message, room.emails) for message in messages]
            newest = messages[-1].message_id if messages else 0
            if is_cut(messages, self._page_chars):
                last_id = newest
                self._page_ids = min(_PAGE, 2 * len(messages))
        else:
            count = _count_up_to(recent, self._piece_bytes)
            page = list(map(frames.message_in, recent[:count]))
            if count < len(recent):
                last_id = first_id + count - 1
            newest = min(last_id, end)
        self._next_id = last_id + 1
        self._newest = max(self._newest, newest)
        # After a page that is full to its last id there may be messages of another daemon that the room does not know yet.
        self._was_last_page = last_id == self._last_id or newest < last_id >= end
        self._log_end = max(self._newest, end)
        self.resume_at = self._log_end + 1 if last_id >= end else None
        return page


class IdsReply(HistoryReply):
    """As `HistoryReply`, with the messages of single ids, few enough to be read at once."""

    def __init__(self, room: LiveRoom, message_ids: Sequence[int], make_frame: MakeFrame, piece_bytes: int) -> None:
        super().__init__(room, 0, 0, make_frame, piece_bytes)
        self._ids = sorted(set(message_ids))

    async def _read_page(self) -> list[bytes | memoryview]:
        room = self._room
        self._log_end = room.last_id
        self._was_last_page = True
        return [frames.as_json(message, room.emails) for message in await room.stored.by_ids(self._ids)]


def _count_up_to(texts: Sequence[bytes | memoryview], size: int) -> int:
    """How many of these texts have `size` bytes together; all of them if they have fewer."""
    if sum(map(len, texts)) <= size:  # most pages are short
        return len(texts)
    return bisect_left(list(accumulate(map(len, texts))), size) + 1
