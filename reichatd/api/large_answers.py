"""The memory that large answers take until they are sent: bounded for the whole daemon."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from quart import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from reichatd.api.answers import refused
from reichatd.errors import Unavailable
from reichatd.settings import LiveSettings

ANSWER_BYTES = "answer_bytes"
"""Names the limit where refusals are counted."""
_SMALL_BYTES = 65_536
"""Smaller answers are not counted: the connections are bounded, and a refusal is an answer too."""
_RETRY_SECONDS = 5

AnyResponse = Response | WerkzeugResponse


class LargeAnswers:
    """Counts the bytes of large answers that are being sent. Nothing waits.

    Lists that are sent piece by piece have no length, and are not counted; neither are documents and files, which are in memory
    once for all clients.

    Arguments:
        refusals: counts the answers that are replaced by 503.
    """

    def __init__(self, settings: LiveSettings, refusals: Counter[str] | None = None) -> None:
        self.bytes = 0
        """What all of them hold."""
        self._settings = settings
        self._refusals = Counter() if refusals is None else refusals
        self._refusals.update({ANSWER_BYTES: 0})

    def admit(self, response: AnyResponse) -> AnyResponse:
        """Returns the answer to send: this one, or 503. One that is alone is sent whatever its size. `sending` follows at once."""
        size, limit = _size(response), self._settings.limits.answer_bytes
        if not (size and self.bytes and 0 < limit < self.bytes + size):
            return response
        self._refusals[ANSWER_BYTES] += 1
        return refused(Unavailable("Too many large answers wait to be read", retry_after=_RETRY_SECONDS))

    @contextmanager
    def sending(self, response: AnyResponse) -> Iterator[None]:
        """An admitted answer is sent inside."""
        size = _size(response)
        self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size


def _size(response: AnyResponse) -> int:
    """The bytes of a large answer for one client; 0 for all others."""
    size = response.content_length or 0
    return size if size >= _SMALL_BYTES and response.headers.get("Cache-Control") == "no-store" else 0
