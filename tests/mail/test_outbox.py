"""The outbox, against real servers."""

import socket
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio
from structlog.testing import capture_logs

from reichatd.errors import Unavailable
from reichatd.mail import Outbox
from reichatd.mail.console import ConsoleTransport
from reichatd.mail.outbox import next_try, wait_after
from reichatd.mail.smtp import SmtpTransport
from reichatd.mail.transport import MailDeferred
from reichatd.settings import MailSettings
from tests.mail.conftest import Certificates
from tests.mail.server import PASSWORD, USERNAME, MailServer, authenticator, until
from tests.mail.test_verification import mail_for

MakeServer = Callable[..., MailServer]


def settings(port: int, **changes: object) -> MailSettings:
    quick = MailSettings(
        backend="smtp", host="127.0.0.1", port=port, tls="none", timeout_seconds=20.0, attempts=100, retry_seconds=0.02
    )
    return msgspec.structs.replace(quick, **changes)


async def run(outbox: Outbox, nursery: trio.Nursery) -> None:
    """Runs the outbox until all its mail is delivered or failed."""
    await nursery.start(outbox.run)
    await until(lambda: outbox.pending == 0)
    nursery.cancel_scope.cancel()


def events(logs: list[Any]) -> list[str]:
    return [line["event"] for line in logs]


async def test_a_mail_is_sent_with_starttls_and_login(
    mail_server: MakeServer, certificates: Certificates, nursery: trio.Nursery
) -> None:
    server = mail_server(
        tls_context=certificates.server, require_starttls=True, auth_required=True, authenticator=authenticator
    )
    server.start()
    mail = settings(server.port, tls="starttls", username=USERNAME)
    outbox = Outbox(mail, PASSWORD, transport=SmtpTransport(mail, PASSWORD, certificates.client))
    outbox.enqueue(mail_for())
    await run(outbox, nursery)
    assert server.logged_in == [True]


async def test_the_settings_choose_smtp(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server()
    server.start()
    outbox = Outbox(settings(server.port), None)
    outbox.enqueue(mail_for())
    await run(outbox, nursery)
    assert server.recipients == ["ann@example.org"]


async def test_the_settings_choose_the_console(nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]) -> None:
    outbox = Outbox(MailSettings(), None)
    outbox.enqueue(mail_for())
    await run(outbox, nursery)
    assert "042137" in capsys.readouterr().err


async def test_a_mail_queued_while_the_outbox_is_idle_is_sent(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server()
    server.start()
    outbox = Outbox(settings(server.port), None)
    await nursery.start(outbox.run)
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(3):
        outbox.enqueue(mail_for())
        await until(lambda: outbox.pending == 0)
    assert len(server.messages) == 3
    nursery.cancel_scope.cancel()


async def test_a_server_that_starts_later(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server()
    with capture_logs() as logs:
        outbox = Outbox(settings(server.port), None)
        outbox.enqueue(mail_for())
        nursery.start_soon(outbox.run)
        await until(lambda: len(logs) >= 2)
        assert set(events(logs)) == {"mail deferred"}
        server.start()
        await until(lambda: outbox.pending == 0)
    assert len(server.messages) == 1
    assert logs[-1]["event"] == "mail sent"
    nursery.cancel_scope.cancel()


async def test_a_permanent_refusal_is_not_tried_again(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(replies={"ann@example.org": ["550 5.1.1 nobody here"]})
    server.start()
    outbox = Outbox(settings(server.port), None)
    with capture_logs() as logs:
        outbox.enqueue(mail_for())
        await run(outbox, nursery)
    assert server.tried == ["ann@example.org"]
    (line,) = logs
    assert line == {
        "event": "mail refused",
        "log_level": "error",
        "to": "ann@example.org",
        "reason": "550 5.1.1 nobody here",
    }


async def test_attempts_are_limited(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(replies={"ann@example.org": ["451 later"] * 9})
    server.start()
    outbox = Outbox(settings(server.port, attempts=3), None)
    with capture_logs() as logs:
        outbox.enqueue(mail_for())
        await run(outbox, nursery)
    assert events(logs) == ["mail deferred", "mail deferred", "mail delivery failed"]
    assert len(server.tried) == 3


async def test_a_deferred_mail_does_not_delay_the_others(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(replies={"later@example.org": ["451 later"]})
    server.start()
    outbox = Outbox(settings(server.port), None)
    for to in ("later@example.org", "one@example.org", "two@example.org"):
        outbox.enqueue(mail_for(to=to))
    await run(outbox, nursery)
    assert server.recipients[0] == "one@example.org"
    assert sorted(server.recipients) == ["later@example.org", "one@example.org", "two@example.org"]


async def test_a_server_that_hangs(nursery: trio.Nursery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outbox = Outbox(settings(silent.getsockname()[1], attempts=2, timeout_seconds=0.1), None)
        with capture_logs() as logs:
            outbox.enqueue(mail_for())
            await run(outbox, nursery)
    assert events(logs) == ["mail deferred", "mail delivery failed"]


async def test_a_server_that_drips(nursery: trio.Nursery) -> None:
    """Each byte arrives in time, the reply never does: only the total timeout ends the attempt."""

    async def drip(stream: trio.SocketStream) -> None:
        while True:
            try:
                await stream.send_all(b"2")
            except trio.BrokenResourceError:
                return
            await trio.sleep(0.01)

    async with trio.open_nursery() as servers:
        (listener,) = await servers.start(partial(trio.serve_tcp, drip, 0, host="127.0.0.1"))
        outbox = Outbox(settings(listener.socket.getsockname()[1], attempts=2, timeout_seconds=0.2), None)
        with capture_logs() as logs:
            outbox.enqueue(mail_for())
            await run(outbox, nursery)
        servers.cancel_scope.cancel()
    assert events(logs) == ["mail deferred", "mail delivery failed"]
    assert logs[0]["reason"] == "no success within 0.2 seconds"


async def test_a_full_queue_drops_mail_and_logs_it() -> None:
    outbox = Outbox(settings(1, queue=2), None)
    with capture_logs() as logs:
        for name in ("ann", "bob", "eve"):
            outbox.enqueue(mail_for(to=f"{name}@example.org"))
    assert outbox.pending == 2
    (line,) = logs
    assert (line["log_level"], line["to"]) == ("error", "eve@example.org")


async def test_a_place_in_the_queue_is_kept() -> None:
    outbox = Outbox(settings(1, queue=2), None)
    outbox.enqueue(mail_for())
    with outbox.reserve(to="bob@example.org"):
        with capture_logs() as logs, pytest.raises(Unavailable), outbox.reserve(to="eve@example.org"):
            raise AssertionError("there is no place left")
        outbox.enqueue(mail_for(to="bob@example.org"))
    assert outbox.pending == 2
    assert (logs[0]["event"], logs[0]["to"]) == ("mail dropped: the queue is full", "eve@example.org")
    assert outbox.outcomes["dropped"] == 1


async def test_an_unused_place_is_free_again() -> None:
    outbox = Outbox(settings(1, queue=1), None)
    for _ in range(3):
        with outbox.reserve(to="ann@example.org"):
            pass
    assert outbox.pending == 0


async def test_the_mails_of_one_client_do_not_delay_others(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server()
    server.start()
    outbox = Outbox(settings(server.port), None)
    for number in range(20):
        outbox.enqueue(mail_for(to=f"stranger{number}@example.org"), group="198.51.100.7")
    for number in range(2):
        outbox.enqueue(mail_for(to=f"honest{number}@example.org"), group=f"192.0.2.{number}")
    await run(outbox, nursery)
    honest = [place for place, to in enumerate(server.recipients) if to.startswith("honest")]
    assert honest == [1, 2], "after one mail of the stranger"
    assert len(server.recipients) == 22


async def test_a_stop_logs_how_much_mail_is_lost(mail_server: MakeServer) -> None:
    outbox = Outbox(settings(mail_server().port), None)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                outbox.enqueue(mail_for())
            nursery.start_soon(outbox.run)
            await until(lambda: logs)
            nursery.cancel_scope.cancel()
    assert logs[-1] == {"event": "mail not sent before shutdown", "log_level": "warning", "mails": 3}


async def test_a_stop_does_not_wait_for_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outbox = Outbox(settings(silent.getsockname()[1], timeout_seconds=3.0), None)
        outbox.enqueue(mail_for())
        before = trio.current_time()
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                await nursery.start(outbox.run)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        assert trio.current_time() - before < 2.5
        assert logs[-1]["mails"] == 1


async def test_a_broken_mail_does_not_stop_the_outbox(nursery: trio.Nursery) -> None:
    outbox = Outbox(MailSettings(), None, transport=ConsoleTransport())
    unwritable = message_from_bytes(b"Content-Type: text/plain; charset=none\n\n\xff", policy=policy.default)
    with capture_logs() as logs:
        outbox.enqueue(unwritable)
        outbox.enqueue(mail_for())
        await run(outbox, nursery)
    assert events(logs) == ["mail refused", "mail sent"]


async def test_no_code_reaches_the_log(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(replies={"ann@example.org": ["451 later", "550 no"]})
    server.start()
    outbox = Outbox(settings(server.port), None)
    with capture_logs() as logs:
        outbox.enqueue(mail_for())
        outbox.enqueue(mail_for(to="bob@example.org"))
        await run(outbox, nursery)
    assert len(logs) == 3
    assert "042137" not in repr(logs)


def test_waits_double_up_to_a_minute() -> None:
    assert [wait_after(attempt, 10.0) for attempt in range(1, 6)] == [10, 20, 40, 60, 60]
    assert [wait_after(attempt, 300.0) for attempt in range(1, 3)] == [300, 300]


def tries(seconds: float, mail: MailSettings) -> list[float]:
    """When a mail that always fails is tried, in seconds after it was queued."""
    times = [0.0]
    while (due := next_try(len(times), times[-1], seconds, mail)) is not None:
        times.append(due)
    return times


@pytest.mark.parametrize(("greylisted", "seconds"), [(300, 540), (300, 330), (900, 1140)])
def test_retries_outlast_greylisting(greylisted: float, seconds: float) -> None:
    """With the default settings, a mail whose code is valid for 10 minutes is tried for 9."""
    times = tries(seconds, MailSettings())
    assert times[:6] == [0, 10, 30, 70, 130, 190]
    assert any(greylisted <= time <= greylisted + 60 for time in times)
    assert times[-1] == seconds
    assert all(later > earlier for earlier, later in pairwise(times))
    assert len(times) < seconds / 60 + 6


def test_a_pause_that_is_longer_than_the_code_is_valid() -> None:
    assert tries(30, MailSettings(retry_seconds=3600.0)) == [0, 30]
    assert tries(1e9, MailSettings(attempts=3)) == [0, 10, 30]


async def test_a_server_that_greylists(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(greylist_seconds=0.3)
    server.start()
    outbox = Outbox(settings(server.port, attempts=0), None)
    outbox.enqueue(mail_for(), seconds=600)
    await run(outbox, nursery)
    assert len(server.messages) == 1
    assert len(server.tried) > 1


async def test_a_mail_is_tried_for_as_long_as_its_code_is_valid(mail_server: MakeServer, nursery: trio.Nursery) -> None:
    server = mail_server(greylist_seconds=60)
    server.start()
    outbox = Outbox(settings(server.port, attempts=0), None)
    with capture_logs() as logs:
        outbox.enqueue(mail_for(), seconds=0.5)
        began = trio.current_time()
        await run(outbox, nursery)
    assert trio.current_time() - began > 0.45
    assert set(events(logs[:-1])) == {"mail deferred"}
    assert logs[-1] == {
        "event": "mail delivery failed",
        "log_level": "error",
        "to": "ann@example.org",
        "attempts": len(logs),
        "reason": "450 4.2.0 Greylisted, come again",
    }


class _SlowTransport:
    """Defers the first mail; sending the second takes until the first has expired."""

    def __init__(self, seconds: float) -> None:
        self.tried: list[str] = []
        self._seconds = seconds

    def send(self, message: EmailMessage) -> None:
        self.tried.append(str(message["To"]))
        if len(self.tried) == 1:
            raise MailDeferred("come back later")
        time.sleep(self._seconds)


async def test_a_mail_is_not_tried_again_after_its_code_has_expired(nursery: trio.Nursery) -> None:
    transport = _SlowTransport(seconds=0.6)
    outbox = Outbox(settings(0, retry_seconds=0.2), None, transport=transport)
    with capture_logs() as logs:
        outbox.enqueue(mail_for(), seconds=0.5)
        outbox.enqueue(mail_for(to="bob@example.org"))
        await run(outbox, nursery)
    assert transport.tried == ["ann@example.org", "bob@example.org"]
    assert events(logs) == ["mail deferred", "mail sent", "mail delivery failed"]


async def test_the_first_attempt_is_made_however_late(nursery: trio.Nursery) -> None:
    outbox = Outbox(MailSettings(), None)
    with capture_logs() as logs:
        outbox.enqueue(mail_for(), seconds=0.0)
        await run(outbox, nursery)
    assert events(logs) == ["mail sent"]


@pytest.mark.parametrize("sender", ["", "nobody", "@example.org", "a@", "a@b\r\nBcc: c@d"])
def test_a_sender_that_is_no_address_is_rejected(sender: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Outbox(MailSettings(sender=sender), None)
