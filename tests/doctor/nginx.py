"""A real nginx with the configuration of etc/nginx."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from tests.gateway.running_daemon import wait_until
from tests.mongod import free_port

CONFIGURATION = Path(__file__).parents[2] / "etc" / "nginx" / "reichatd.conf"
BELOW = (
    (
        "    location / {\n        proxy_pass http://reichatd;\n    }\n",
        "    location /chat/ { proxy_pass http://reichatd/; }\n    location /other/ { proxy_pass http://reichatd/; }\n",
    ),
    ("location ~ ^/(ws|room)/ {", "location ~ ^/chat/(ws|room)/ {\n        rewrite ^/chat(/.*) $1 break;"),
)
"""The changes for a daemon below a path, as the configuration describes them, and another path to the same daemon."""
_MAIN_CONFIGURATION = """
daemon off; master_process off; pid {d}/nginx.pid; error_log {d}/start.log;
events {{ }}
http {{
    client_body_temp_path {d}/body; proxy_temp_path {d}/proxy; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
    include {d}/reichatd.conf;
}}
"""


class Proxy(NamedTuple):
    """A running nginx: its URL, the variables with which a client trusts it, and its directory."""

    url: str
    environ: dict[str, str]
    directory: Path

    @property
    def log(self) -> str:
        """The access log and the error log."""
        return "".join(file.read_text() for file in self.directory.glob("reichatd*.log"))


@contextmanager
def nginx(
    directory: Path, upstream: int | Path, *changes: tuple[str, str], not_after: datetime | None = None
) -> Iterator[Proxy]:
    """Runs nginx in front of the daemon at `upstream`, a port or a Unix socket. Blocks.

    Arguments:
        changes: to the configuration: the old text and the new one.
        not_after: when the certificate expires.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    directory.mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", not_after=not_after)
    certificate.private_key_and_cert_chain_pem.write_to_path(directory / "pem")
    authority.cert_pem.write_to_path(directory / "authority.pem")
    port = free_port()
    text = CONFIGURATION.read_text(encoding="utf-8")
    adapted = [
        (r"listen \[::\]:\d+( ssl)?;", ""),
        (r"listen 80;", f"listen 127.0.0.1:{free_port()};"),
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        (r"/etc/letsencrypt/live/chat\.example\.org/\w+\.pem", f"{directory}/pem"),
        (r"/var/log/nginx", str(directory)),
        (r"127\.0\.0\.1:8000", f"unix:{upstream}" if isinstance(upstream, Path) else f"127.0.0.1:{upstream}"),
    ]
    for pattern, replacement in [*adapted, *((re.escape(old), new) for old, new in changes)]:
        text, count = re.subn(pattern, replacement, text)
        assert count, pattern
    (directory / "reichatd.conf").write_text(text)
    (directory / "nginx.conf").write_text(_MAIN_CONFIGURATION.format(d=directory))
    command = [program, "-p", str(directory), "-e", f"{directory}/start.log", "-c", f"{directory}/nginx.conf"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, (directory / "start.log").read_text()
        environ = {"SSL_CERT_FILE": str(directory / "authority.pem")}
        yield Proxy(f"https://localhost:{port}", environ, directory)
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
