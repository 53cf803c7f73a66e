"""Registration with codes that are sent by real SMTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Person
from tests.end_to_end.smtp import appears, by_smtp, code_in
from tests.mail.server import MailServer, until
from tests.process import running


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


async def test_the_code_comes_by_mail(tmp_path: Path, storage: dict[str, str], mail_server: MailServer) -> None:
    """The mail server starts late: registration does not wait for it, and no mail is lost."""
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
        mail = mail_server.messages[0]
        assert (mail["From"], mail["To"]) == ("Chat <chat@example.org>", "ada@example.org")
        first, second = code_in(mail_server, 0), code_in(mail_server, 1)
        html = mail.get_body(("html",))
        assert html is not None
        assert first in html.get_content()
        assert first not in mail["Subject"]

        if first != second:
            answer = await bob.http.post("/verify", json={"email": bob.email, "code": first})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
        await bob.verify(second)
        await bob.log_in()
        # A stranger registers the same address: each code confirms only its own registration.
        body = {"email": ada.email, "password": "a stranger's", "username": "mallory"}
        assert (await ada.http.post("/register", json=body)).status_code == 201
        await until(lambda: len(mail_server.messages) == 3)
        third = code_in(mail_server, 2)
        await ada.verify(first)
        await ada.log_in()
        assert (await ada.call("GET", "/user"))["user_details"] == {"email": ada.email, "username": "ada"}
        answer = await ada.http.post("/verify", json={"email": ada.email, "code": third})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
        assert not any(appears(code, daemon.output) for code in (first, second, third))
