"""A way to a server that a test can shut."""

from contextlib import suppress

import trio


class Gate:
    """A way to a server, which a test can shut: then all connections are closed, and there are no new ones.

    While it is held, connections stay open, and nothing comes through until it is open again.

    Arguments:
        server: the port of the server.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._is_open = True
        self._flows = trio.Event()
        self._flows.set()
        self._passing: set[trio.CancelScope] = set()
        self.port = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()  # it listens
        await trio.serve_listeners(self._pass, [listener])

    def hold(self) -> None:
        self._flows = trio.Event()

    def shut(self) -> None:
        self._is_open = False
        for scope in self._passing:
            scope.cancel()

    def open(self) -> None:
        self._is_open = True
        self._flows.set()

    async def _pass(self, client: trio.SocketStream) -> None:
        async with client:
            if not self._is_open:
                return
            with trio.CancelScope() as scope, suppress(OSError):
                self._passing.add(scope)
                async with (
                    await trio.open_tcp_stream("127.0.0.1", self._server) as server,
                    trio.open_nursery() as nursery,
                ):
                    for one, other in ((client, server), (server, client)):
                        nursery.start_soon(self._copy, one, other, scope)
            self._passing.discard(scope)

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for data in source:
                await self._flows.wait()
                await target.send_all(data)
        scope.cancel()
