"""The client side of the control socket."""

import socket
from pathlib import Path

import msgspec
import trio

from reichatd.administration import Conclusion, Emit, Record, Request
from reichatd.administration.records import Done, Failed, RequestRefused
from reichatd.control.lines import LineReader, LineTooLong
from reichatd.unixsocket import address

_LONGEST_ANSWER = 64 * 1024 * 1024
"""The most bytes of one line of an answer; the longest line is a user's list of rooms."""

_answers: msgspec.json.Decoder[Record | Conclusion] = msgspec.json.Decoder(Record | Conclusion)


class NoDaemon(Exception):
    """No process listens there: no daemon runs, or none with this socket."""


class NotPermitted(Exception):
    """A daemon may listen there, but the file's mode does not let us connect."""


class DaemonGone(Exception):
    """The daemon hung up early, or sent something that is not understood. The same request may be made again."""


async def ask(path: Path, request: Request, emit: Emit) -> Conclusion:
    """Sends a request to the daemon that listens at `path`, and waits until it is done. If cancelled, it hangs up.

    Raises:
        NoDaemon, NotPermitted: the request was not sent.
        DaemonGone
    """
    async with await _connect(path) as stream:
        try:
            await stream.send_all(msgspec.json.encode(request) + b"\n")
            lines = LineReader(stream, _LONGEST_ANSWER)
            while (line := await lines.line()) is not None:
                answer = _answers.decode(line)
                if isinstance(answer, Done | RequestRefused | Failed):
                    return answer
                await emit(answer)
        except (trio.BrokenResourceError, LineTooLong, msgspec.DecodeError) as error:
            raise DaemonGone from error
    raise DaemonGone


async def _connect(path: Path) -> trio.SocketStream:
    connection = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(path) as place:
            await connection.connect(place)
    except BaseException as error:
        connection.close()
        if isinstance(error, PermissionError):
            raise NotPermitted from error
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            raise NoDaemon from error
        raise
    return trio.SocketStream(connection)
