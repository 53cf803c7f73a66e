"""The daemon that the bench measures, private or already running, with the user and rooms of the bench."""

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
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
_START_SECONDS = 90.0
_LIMITS_ON_CLIENTS = (
    "MESSAGES_PER_SECOND",
    "MESSAGE_BYTES_PER_SECOND",
    "POSTED_BYTES_PER_DAY",
    "CHANGES_PER_MINUTE",
    "GUESSES_PER_CLIENT",
    "GUESSES_PER_SUBJECT_AND_CLIENT",
    "GUESSES_PER_SUBJECT_HOUR",
    "PASSWORD_CHECKS_PER_CLIENT",
    "CODES_PER_ADDRESS_HOUR",
    "MAILS_PER_CLIENT_HOUR",
    "MAILS_PER_ADDRESS_HOUR",
    "MAILS_PER_ADDRESS_DAY",
    "ROOMS_PER_USER_HOUR",
    "ROOMS_OWNED",
)
"""Off in a private daemon: all users and connections of the bench are one client."""


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
        self.account: dict[str, str] = {}
        self.token = ""
        self.user_id = ""
        self._rooms: list[str] = []

    def log_in(self, email: str, password: str) -> None:
        self.account = {"email": email, "password": password}
        answer = self.call("POST", "/login", self.account)
        self.token, self.user_id = answer["tokens"]["access_token"], answer["user_id"]

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Sends a REST request, and returns the body of the answer.

        Raises:
            TargetError
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_START_SECONDS)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, path, msgspec.json.encode(body) if body else None, headers)
            response = connection.getresponse()
            answer: dict[str, Any] = msgspec.json.decode(response.read())
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

    def private_room(self) -> str:
        """Creates a room with a password, and returns its id."""
        room_id = f"bench{secrets.token_hex(8)}"
        password = secrets.token_urlsafe(16)
        self.call("POST", "/room", {"name": "Bench", "description": "", "room_id": room_id, "password": password})
        self._rooms.append(room_id)
        return room_id

    def socket_request(self, room_id: str) -> str:
        """The request target that opens a WebSocket in a room."""
        return f"/ws/chat/{room_id}?token={self.token}"

    def request(self, path: str) -> str:
        """A GET request as text."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.token}\r\n\r\n"

    def login_request(self) -> str:
        """A login request as text."""
        body = msgspec.json.encode(self.account).decode()
        return f"POST /login HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n{body}"

    def delete_rooms(self) -> None:
        """Deletes the rooms that `rooms` created."""
        while self._rooms:
            self.call("DELETE", f"/room/{self._rooms.pop()}")

    def resident_kib(self) -> int:
        """The resident memory of a private daemon, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0])


class PrivateTarget(BenchTarget):
    """A daemon of the bench's own, at which it can register users."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        super().__init__("127.0.0.1", port, process.pid)
        self._process = process
        self._output = output

    def register(self, username: str) -> None:
        """Registers a user, and logs in as this user. Raises: TargetError."""
        account = {"email": f"{username}@example.org", "password": secrets.token_urlsafe(16)}
        codes = len(_CODE.findall(self._output.read_text(errors="replace")))
        self.call("POST", "/register", {**account, "username": username})
        code = _wait_for(_CODE, self._output, self._process, codes)[1]
        self.call("POST", "/verify", {"email": account["email"], "code": code})
        self.log_in(**account)

    def as_another(self, username: str) -> "PrivateTarget":
        """The same daemon, with another user, who is registered here."""
        other = PrivateTarget(self.port, self._process, self._output)
        other.register(username)
        return other


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
def private(environ: dict[str, str], *, limited: bool = False) -> Iterator[PrivateTarget]:
    """Runs a private daemon in a temporary directory, and logs in as a new user.

    Arguments:
        environ: its settings (REICHATD_…), in addition to those that the bench needs.
        limited: whether the limits and the log have their defaults. Otherwise limits on clients are off, since the bench is one.
    """
    with started(environ, limited=limited) as target:
        target.register("bench")
        yield target


@contextmanager
def started(environ: dict[str, str], *, limited: bool = False) -> Iterator[PrivateTarget]:
    """As `private`, without a user."""
    with TemporaryDirectory(prefix="reichatd-bench-") as directory, open(f"{directory}/output", "w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "reichatd", "serve"],
            env={**_bench_environment(directory, limited=limited), **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            port = int(_wait_for(_READY, Path(output.name), process)[1])
            yield PrivateTarget(port, process, Path(output.name))
        finally:
            process.terminate()
            process.wait()


def _bench_environment(directory: str, *, limited: bool) -> dict[str, str]:
    """Our environment without its settings, and with those of the bench: no limits on clients, long-lived tokens."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("REICHATD_", "MONGODB_"))}
    settings = {
        **ours,
        "PYTHONUNBUFFERED": "1",
        "XDG_CONFIG_HOME": directory,
        "REICHATD_SERVER_PORT": "0",
        "REICHATD_STORAGE_PATH": f"{directory}/bench.sqlite3",
        "REICHATD_AUTH_SECRET_KEY": secrets.token_hex(32),
        "REICHATD_AUTH_ACCESS_TOKEN_MINUTES": "600",
        **dict.fromkeys((f"REICHATD_LIMITS_{name}" for name in _LIMITS_ON_CLIENTS), "0"),
        "REICHATD_LOG_LEVEL": "warning",
        **dict.fromkeys((f"REICHATD_LIMITS_{name}" for name in _LIMITS_ON_CONNECTIONS), "0"),
    }
    by_default = ("REICHATD_LIMITS_", "REICHATD_LOG_") if limited else ()
    return {name: value for name, value in settings.items() if not name.startswith(by_default)}


def _wait_for(
    pattern: re.Pattern[str], output: Path, process: subprocess.Popen[bytes], skipped: int = 0
) -> re.Match[str]:
    """Waits until the pattern is in the output, after `skipped` earlier matches."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        matches = list(pattern.finditer(text := output.read_text(errors="replace")))
        if len(matches) > skipped:
            return matches[skipped]
        if process.poll() is not None:
            raise TargetError(f"the private daemon did not start: {text.strip() or process.returncode}")
        time.sleep(0.02)
    raise TargetError("the private daemon did not start in time")
