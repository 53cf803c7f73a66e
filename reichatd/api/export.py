"""Sends a user's own data piece by piece, so that a large export takes little memory."""

from collections.abc import AsyncGenerator
from types import TracebackType

import msgspec
from quart.wrappers.response import ResponseBody

from reichatd.accounts.export_records import Progress
from reichatd.accounts.exports import UserRecords

MEDIA_TYPE = "application/x-ndjson"

_PIECE_BYTES = 16_384
_encoder = msgspec.json.Encoder()


class ExportBody(ResponseBody):
    """The body of an answer: a line for each record.

    An error of the store in the middle ends the connection, so that the client does not take the part for the whole.
    """

    def __init__(self, records: UserRecords) -> None:
        self._records = records

    async def __aenter__(self) -> AsyncGenerator[bytes]:
        self._pieces = self._generate()
        return self._pieces

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._pieces.aclose()
        await self._records.aclose()

    async def _generate(self) -> AsyncGenerator[bytes]:
        text = b""
        async for record in self._records:
            if not isinstance(record, Progress):
                text += _encoder.encode(record) + b"\n"
            if len(text) >= _PIECE_BYTES:
                yield text
                text = b""
        yield text
