"""Registration with codes that come by real SMTP."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Person
from tests.mail.server import MailServer, until
from tests.process import running

CODE = re.compile(r"^ +(\d{6})\r?$", re.MULTILINE)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def by_smtp(server: MailServer) -> dict[str, str]:
    return {
        "REICHATD_MAIL_BACKEND": "smtp",
        "REICHATD_MAIL_HOST": "127.0.0.1",
        "REICHATD_MAIL_PORT": str(server.port),
        "REICHATD_MAIL_TLS": "none",
        "REICHATD_MAIL_SENDER": "Chat <chat@example.org>",
        "REICHATD_MAIL_RETRY_SECONDS": "0.1",
        "REICHATD_MAIL_ATTEMPTS": "100",
    }


def code_in(server: MailServer, number: int) -> str:
    body = server.messages[number].get_body(("plain",))
    assert body is not None
    match = CODE.search(body.get_content())
    assert match is not None
    return match[1]


async def test_the_code_comes_by_mail(tmp_path: Path, storage: dict[str, str], mail_server: MailServer) -> None:
    """The mail server comes up late: nobody waits for it, and no letter is lost."""
    async with (
        running(tmp_path, **storage, **by_smtp(mail_server)) as daemon,
        Person(daemon.url, "ada", "ada@example.org") as ada,
        Person(daemon.url, "bob", "Bob@EXAMPLE.org") as bob,
    ):
        await ada.register()
        mail_server.start()
        await until(lambda: len(mail_server.messages) == 1)
        await bob.register()
        await until(lambda: len(mail_server.messages) == 2)
        assert mail_server.recipients == ["ada@example.org", "Bob@example.org"]
        letter = mail_server.messages[0]
        assert (letter["From"], letter["To"]) == ("Chat <chat@example.org>", "ada@example.org")
        first, second = code_in(mail_server, 0), code_in(mail_server, 1)
        html = letter.get_body(("html",))
        assert html is not None
        assert first in html.get_content()
        assert first not in letter["Subject"]

        if first != second:
            answer = await bob.http.post("/verify", json={"email": bob.email, "code": first})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
        await bob.verify(second)
        await bob.log_in()
        # Whoever else registers the address, each code confirms the registration that it was sent for.
        body = {"email": ada.email, "password": "a stranger's", "username": "mallory"}
        assert (await ada.http.post("/register", json=body)).status_code == 201
        await until(lambda: len(mail_server.messages) == 3)
        third = code_in(mail_server, 2)
        await ada.verify(first)
        await ada.log_in()
        assert (await ada.call("GET", "/user"))["user_details"] == {"email": ada.email, "username": "ada"}
        answer = await ada.http.post("/verify", json={"email": ada.email, "code": third})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
        assert not re.search(rf"(?<![0-9a-f.])({first}|{second}|{third})(?![0-9a-f])", daemon.output)
