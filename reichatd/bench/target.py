"""The daemon that the bench measures, private or already running, with the user and rooms of the bench."""

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec

_LIMITS_ON_CONNECTIONS = (
    "CONNECTIONS_PER_ADDRESS",
    "STRANGERS_PER_ADDRESS",
    "SOCKETS_PER_USER",
    "FRAMES_PER_SECOND",
    "FRAME_BYTES_PER_SECOND",
)
"""Off in a private daemon: the bench is one user at one address."""
_READY = re.compile(r"listens on http://\S+:(\d+)")
_CODE = re.compile(r"^ {4}(\d{6})$", re.MULTILINE)
_START_SECONDS = 30.0


class TargetError(Exception):
    """The daemon does not start, does not answer, or refuses a request."""


class BenchTarget:
    """A daemon, and a user who is logged in. `pid` is None, and `untouched_kib` 0, unless the daemon is private."""

    def __init__(self, host: str, port: int, pid: int | None = None) -> None:
        self.host = host
        self.port = port
        self.pid = pid
        self.untouched_kib = self.resident_kib() if pid else 0
        """The daemon's memory before the first connection, in KiB."""
        self._account: dict[str, str] = {}
        self._token = ""
        self._rooms: list[str] = []

    def log_in(self, email: str, password: str) -> None:
        self._account = {"email": email, "password": password}
        answer = self.call("POST", "/login", self._account)
        self._token = answer["tokens"]["access_token"]

    def call(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, dict[str, str]]:
        """Sends a REST request, and returns the body of the answer.

        Raises:
            TargetError
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_START_SECONDS)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            connection.request(method, path, msgspec.json.encode(body) if body else None, headers)
            response = connection.getresponse()
            answer: dict[str, dict[str, str]] = msgspec.json.decode(response.read())
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise TargetError(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise TargetError(f"{method} {path}: {answer.get('message')}")
        return answer

    def rooms(self, count: int) -> list[str]:
        """Creates rooms, and returns for each the request target that opens a WebSocket."""
        new = [f"bench{secrets.token_hex(8)}" for _ in range(count)]
        for room_id in new:
            self.call("POST", "/room", {"name": "Bench", "description": "", "room_id": room_id})
            self._rooms.append(room_id)
        return [self.socket_request(room_id) for room_id in new]

    def socket_request(self, room_id: str) -> str:
        """The request target that opens a WebSocket in a room."""
        return f"/ws/chat/{room_id}?token={self._token}"

    def request(self, path: str) -> str:
        """A GET request as text."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self._token}\r\n\r\n"

    def login_request(self) -> str:
        """A login request as text."""
        body = msgspec.json.encode(self._account).decode()
        return f"POST /login HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n{body}"

    def delete_rooms(self) -> None:
        """Deletes the rooms that `rooms` created."""
        while self._rooms:
            self.call("DELETE", f"/room/{self._rooms.pop()}")

    def resident_kib(self) -> int:
        """The resident memory of a private daemon, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0])


def find(url: str) -> BenchTarget:
    """Connects to a running daemon, without a login. Raises: TargetError."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise TargetError(f"the URL: {error}") from None
    if parts.scheme != "http" or parts.hostname is None:
        raise TargetError("the URL must be http://HOST[:PORT]")
    target = BenchTarget(parts.hostname, port)
    target.call("GET", "/")
    return target


@contextmanager
def running(url: str, email: str, password: str) -> Iterator[BenchTarget]:
    """Logs in to a running daemon; deletes the rooms of the bench at the end."""
    target = find(url)
    target.log_in(email, password)
    try:
        yield target
    finally:
        target.delete_rooms()


@contextmanager
def private(environ: dict[str, str]) -> Iterator[BenchTarget]:
    """Runs a private daemon in a temporary directory.

    Arguments:
        environ: its settings (REICHATD_…), in addition to those that the bench needs.
    """
    with TemporaryDirectory(prefix="reichatd-bench-") as directory, open(f"{directory}/output", "w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "reichatd", "serve"],
            env={**_bench_environment(directory), **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            port = int(_wait_for(_READY, Path(output.name), process)[1])
            target = BenchTarget("127.0.0.1", port, process.pid)
            account = {"email": "bench@example.org", "password": secrets.token_urlsafe(16)}
            target.call("POST", "/register", {**account, "username": "bench"})
            code = _wait_for(_CODE, Path(output.name), process)[1]
            target.call("POST", "/verify", {"email": account["email"], "code": code})
            target.log_in(**account)
            yield target
        finally:
            process.terminate()
            process.wait()


def _bench_environment(directory: str) -> dict[str, str]:
    """Our environment without its settings, and with those of the bench: no rate limit, long-lived tokens."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("REICHATD_", "MONGODB_"))}
    return {
        **ours,
        "PYTHONUNBUFFERED": "1",
        "XDG_CONFIG_HOME": directory,
        "REICHATD_SERVER_PORT": "0",
        "REICHATD_STORAGE_PATH": f"{directory}/bench.sqlite3",
        "REICHATD_AUTH_SECRET_KEY": secrets.token_hex(32),
        "REICHATD_AUTH_ACCESS_TOKEN_MINUTES": "600",
        "REICHATD_LIMITS_MESSAGES_PER_SECOND": "0",
        "REICHATD_LOG_LEVEL": "warning",
        **dict.fromkeys((f"REICHATD_LIMITS_{name}" for name in _LIMITS_ON_CONNECTIONS), "0"),
    }


def _wait_for(pattern: re.Pattern[str], output: Path, process: subprocess.Popen[bytes]) -> re.Match[str]:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if match := pattern.search(text := output.read_text(errors="replace")):
            return match
        if process.poll() is not None:
            raise TargetError(f"the private daemon did not start: {text.strip() or process.returncode}")
        time.sleep(0.02)
    raise TargetError("the private daemon did not start in time")
