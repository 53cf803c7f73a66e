import io

import pytest

from reichatd.mail import MailDeferred
from reichatd.mail.console import ConsoleTransport
from tests.mail.test_verification import letter_for


def test_the_code_is_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleTransport().send(letter_for(username="Änne"))
    shown = capsys.readouterr().err
    assert "To:      ann@example.org" in shown
    assert "Änne" in shown
    assert "\n    042137\n" in shown
    assert "<html" not in shown


def test_a_letter_is_one_write_between_two_rules() -> None:
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    ConsoleTransport(Stream()).send(letter_for())
    (write,) = writes
    lines = write.strip().splitlines()
    assert lines[0].startswith("──")
    assert lines[-1].startswith("──")


def test_a_closed_terminal_is_a_fault_of_the_transport() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(MailDeferred):
        ConsoleTransport(stream).send(letter_for())
