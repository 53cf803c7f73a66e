import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from tests.mail.server import MailServer


class Certificates:
    """A certificate authority: the server's context, and a client's that trusts it."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def mail_server() -> Iterator[Callable[..., MailServer]]:
    """Makes mail servers, not started yet; stops them after the test."""
    servers: list[MailServer] = []

    def make(**options: Any) -> MailServer:  # noqa: ANN401
        servers.append(MailServer(**options))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
