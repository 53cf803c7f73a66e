"""A network between a browser and the daemon that can be cut, and can delay WebSockets."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Cable:
    """Forwards connections from its own port to another one, until it is cut.

    Arguments:
        port: the target port.
    """

    def __init__(self, port: int) -> None:
        self._target_port = port
        self._is_whole = True
        self._websockets_pass = threading.Event()
        self._websockets_pass.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="cable")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def cut(self) -> None:
        """Ends all connections, also held ones, and accepts no new ones."""
        self._websockets_pass.set()
        with self._lock:
            self._is_whole = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def repair(self) -> None:
        with self._lock:
            self._is_whole = True

    def hold(self) -> None:
        """Holds back new WebSocket handshakes until `release`. Other requests pass."""
        self._websockets_pass.clear()

    def release(self) -> None:
        self._websockets_pass.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = None
            with suppress(OSError):
                far = socket.create_connection(("127.0.0.1", self._target_port))
            with self._lock:
                if far is None or not self._is_whole:
                    near.close()
                    if far is not None:
                        far.close()
                    continue
                self._open |= {near, far}
            threading.Thread(target=self._forward_both, args=(near, far), name="cable").start()

    def _forward_both(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._forward, args=(far, near), name="cable")
        back.start()
        self._forward(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"GET /ws/"):
                    self._websockets_pass.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
