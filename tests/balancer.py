"""Gives each new connection to the next of several servers: `python -m tests.balancer PORT OF OTHERS`, with 0 for a free port.

Prints its port when it listens. It stands before daemons as a proxy does that looks at connections only. A server that refuses a
connection is passed over; if all do, the connection is closed.
"""

import sys
from collections import deque
from functools import partial

import trio

HOST = "127.0.0.1"


class Balancer:
    """Owns whose turn it is.

    Arguments:
        ports: of the servers, on this machine.
    """

    def __init__(self, ports: list[int]) -> None:
        self._ports = deque(ports)  # whose turn it is comes first

    async def serve(self, client: trio.SocketStream) -> None:
        """Takes one connection to the next server that accepts it. Returns when both sides have ended."""
        for port in tuple(self._ports):
            self._ports.rotate(-1)
            try:
                server = await trio.open_tcp_stream(HOST, port)
            except OSError:
                continue
            async with client, server, trio.open_nursery() as nursery:
                nursery.start_soon(_pass_on, client, server)
                nursery.start_soon(_pass_on, server, client)
            return
        await client.aclose()


async def _pass_on(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    try:
        async for chunk in source:
            await sink.send_all(chunk)
        await sink.send_eof()
    except trio.BrokenResourceError:  # One side is gone: so is the other, at once.
        await trio.aclose_forcefully(source)
        await trio.aclose_forcefully(sink)
    except trio.ClosedResourceError:
        pass


async def main(port: int, ports: list[int]) -> None:
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, Balancer(ports).serve, port, host=HOST))
        print(listener.socket.getsockname()[1], flush=True)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), [int(port) for port in sys.argv[2:]])
