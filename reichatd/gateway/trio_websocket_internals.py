"""A WebSocket of trio-websocket that begins after the handshake. The only module that reaches into trio-websocket and wsproto.

The libraries can only begin with a handshake of their own. The gateway answers the handshake itself (handshake.py), and needs the
library only from the first frame on that is not plain (plain_frames.py).

tests/gateway/test_trio_websocket_internals.py fails if what is used here changes.
"""

import logging

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.utilities import LocalProtocolError

__all__ = ["ConnectionClosed", "LocalProtocolError", "WebSocketConnection", "open_connection"]

_QUEUE = 4
"""Messages that the library reads ahead while the conversation is busy, each of up to `limits.frame_bytes`. While the queue is
full, pings wait too, as in a conversation of plain frames."""

# Debug lines cost time for each frame, even if nothing shows them.
logging.getLogger("trio-websocket").setLevel(logging.WARNING)


def open_connection(nursery: trio.Nursery, stream: trio.abc.Stream, max_message_size: int) -> WebSocketConnection:
    """The server's side of a WebSocket whose handshake is over.

    The library has faults that its user must make up for:

    - It answers a ping behind its own close frame. `LocalProtocolError` then ends its task, and with it the nursery.
    - It sends no close frame if the peer's frames are wrong, or if it is cancelled on its way to one. `WebSocketConnection.closed`
      tells the code.
    - It closes the stream as soon as the peer breaks a rule, even with bytes unread, which resets a TCP connection.

    Arguments:
        nursery: for the library's task, which reads from the stream.
        stream: the library closes it.
        max_message_size: in characters of a text, in bytes of a binary message.
    """
    protocol = WSConnection(ConnectionType.SERVER)
    protocol.connection = Connection(ConnectionType.SERVER)  # as WSConnection does itself once the handshake is over
    library = WebSocketConnection(stream, protocol, message_queue_size=_QUEUE, max_message_size=max_message_size)
    # As the library's wrap_server_stream does, before it waits for a handshake.
    nursery.start_soon(library._reader_task)
    return library
