import io

import pytest

from reichatd.mail import MailDeferred
from reichatd.mail.console import ConsoleTransport
from tests.mail.test_verification import mail_for


def test_the_code_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTransport().send(mail_for(username="Änne"))
    shown = capsys.readouterr().err
    assert "To:      ann@example.org" in shown
    assert "Änne" in shown
    assert "\n    042137\n" in shown
    assert "<html" not in shown


def test_a_mail_is_one_write_between_two_rules() -> None:
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    ConsoleTransport(Stream()).send(mail_for())
    (write,) = writes
    lines = write.strip().splitlines()
    assert lines[0].startswith("──")
    assert lines[-1].startswith("──")


def test_a_closed_stream_defers_the_mail() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(MailDeferred):
        ConsoleTransport(stream).send(mail_for())
