"""The server side of the control socket."""

from contextlib import suppress
from pathlib import Path

import msgspec
import structlog
import trio

from reichatd import __version__, unixsocket
from reichatd.administration import Administration, Conclusion, Record, Request
from reichatd.administration.records import CaughtUp, Progress, RequestRefused
from reichatd.control.lines import LineReader, LineTooLong
from reichatd.settings import LiveSettings
from reichatd.unixsocket import UnixSocket

_FLUSH_BYTES = 32_768
"""Answers are sent in parts of about this size."""

log = structlog.get_logger()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder()


def open_socket(path: Path) -> UnixSocket:
    """Listens at `path`, mode 0600. A missing directory is created with mode 0700. Blocks; raises as `unixsocket.open_socket`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return unixsocket.open_socket(path)


class ControlServer:
    """Serves administrators, each in its own task.

    Arguments:
        settings: of these, `limits.control_connections`, and `limits.body_bytes` and `limits.request_seconds` for the request. An
            answer may be read slowly (an export, page by page, on a terminal): it holds nothing but its connection.
    """

    def __init__(self, administration: Administration, settings: LiveSettings) -> None:
        self._administration = administration
        self._settings = settings
        self._open = 0

    async def run(
        self, control_socket: UnixSocket, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serves until cancelled, then closes the socket. Work in progress stops at its next step."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(control_socket.listener))
        try:
            task_status.started()
            await trio.serve_listeners(self._converse, [listener])
        finally:
            control_socket.close()

    async def _converse(self, stream: trio.SocketStream) -> None:
        """Serves one administrator. Raises only Cancelled: an internal error in one request does not end the daemon."""
        self._open += 1
        try:
            async with stream:
                await self._serve(stream)
        except trio.BrokenResourceError:
            pass  # it hung up
        except Exception:
            log.exception("control request crashed")
        finally:
            self._open -= 1

    async def _serve(self, stream: trio.SocketStream) -> None:
        too_many = self._open > self._settings.limits.control_connections
        request = None
        with trio.move_on_after(self._settings.limits.request_seconds):
            request = await self._read(stream)
        if too_many and request is not None:  # after reading: closing with unread data would discard the answer
            request = RequestRefused(503, "busy", "Too many administrators at once (limits.control_connections)")
        match request:
            case RequestRefused():
                await _conclude(stream, request)
            case None:
                pass  # it hung up, or sent no whole request in time
            case _:
                outcome = "interrupted"
                try:
                    outcome = await self._answer(stream, request)
                finally:
                    log.info("administration", do=type(request).__name__, outcome=outcome)

    async def _read(self, stream: trio.SocketStream) -> Request | RequestRefused | None:
        try:
            line = await LineReader(stream, self._settings.limits.body_bytes).line()
            return _requests.decode(line) if line is not None else None
        except LineTooLong:
            return RequestRefused(400, "too_long", "The request is too long (limits.body_bytes)")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # The text quotes nothing of the request: it may contain a password.
            text = (
                f"The daemon, reichatd {__version__}, does not know this request: was it restarted after the upgrade?"
            )
            return RequestRefused(400, "unknown_request", text)

    async def _answer(self, stream: trio.SocketStream, request: Request) -> str:
        """Carries out the request; returns the outcome, for the log."""
        outcome = "interrupted"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at_end, stream, nursery.cancel_scope)
            answer = _Answer(stream, nursery.cancel_scope)
            conclusion = await self._administration.perform(request, answer.emit)
            outcome = type(conclusion).__name__.lower()
            await answer.conclude(conclusion)
            nursery.cancel_scope.cancel()
        return outcome


class _Answer:
    """Sends the lines of one answer, in larger parts.

    Arguments:
        scope: of the work; cancelled if the client has gone.
    """

    def __init__(self, stream: trio.SocketStream, scope: trio.CancelScope) -> None:
        self._stream = stream
        self._scope = scope
        self._buffer = bytearray()

    async def emit(self, record: Record) -> None:
        self._buffer += _encoder.encode(record) + b"\n"
        if isinstance(record, Progress | CaughtUp) or len(self._buffer) >= _FLUSH_BYTES:
            await self._flush()

    async def conclude(self, conclusion: Conclusion) -> None:
        self._buffer += _encoder.encode(conclusion) + b"\n"
        await self._flush()

    async def _flush(self) -> None:
        lines, self._buffer = self._buffer, bytearray()
        try:
            await self._stream.send_all(lines)
        except trio.BrokenResourceError:
            self._scope.cancel()
            await trio.lowlevel.checkpoint()


async def _cancel_at_end(stream: trio.SocketStream, scope: trio.CancelScope) -> None:
    """Cancels the work when the client hangs up. After a request it sends nothing, so anything to read is the end."""
    with suppress(trio.BrokenResourceError):
        await stream.receive_some(1)
    scope.cancel()


async def _conclude(stream: trio.SocketStream, conclusion: Conclusion) -> None:
    await stream.send_all(_encoder.encode(conclusion) + b"\n")
