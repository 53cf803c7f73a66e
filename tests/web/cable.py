"""A network between a browser and the daemon, which can be cut, and be slow with conversations."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Cable:
    """Carries connections from a port of its own to another one, while it is whole.

    Arguments:
        port: where connections are to lead.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = True
        self._is_quick = threading.Event()
        self._is_quick.set()
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
        """Ends all connections and lets no new one through, nor any that is kept back."""
        self._is_quick.set()
        with self._lock:
            self._whole = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def hold(self) -> None:
        """Keeps back the handshakes of new conversations until `let_go`. Other requests pass."""
        self._is_quick.clear()

    def let_go(self) -> None:
        self._is_quick.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = None
            with suppress(OSError):
                far = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                if far is None or not self._whole:
                    near.close()
                    if far is not None:
                        far.close()
                    continue
                self._open |= {near, far}
            threading.Thread(target=self._carry_both, args=(near, far), name="cable").start()

    def _carry_both(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._carry, args=(far, near), name="cable")
        back.start()
        self._carry(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if data.startswith(b"GET /ws/"):
                    self._is_quick.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
