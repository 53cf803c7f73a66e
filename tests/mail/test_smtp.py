"""The transport against a real server."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import msgspec
import pytest

from reichatd.mail import MailDeferred, MailRefused
from reichatd.mail.smtp import SmtpTransport
from reichatd.settings import MailSettings
from tests.mail.conftest import Certificates
from tests.mail.server import PASSWORD, USERNAME, MailServer, authenticator
from tests.mail.test_verification import mail_for

MakeServer = Callable[..., MailServer]


def settings(server: MailServer, **changes: object) -> MailSettings:
    plain = MailSettings(backend="smtp", host="127.0.0.1", port=server.port, tls="none", timeout_seconds=20.0)
    return msgspec.structs.replace(plain, **changes)


def test_plain(mail_server: MakeServer) -> None:
    server = mail_server()
    server.start()
    SmtpTransport(settings(server), None).send(mail_for(username="Änne"))
    (message,) = server.messages
    assert server.recipients == ["ann@example.org"]
    body = message.get_body(preferencelist=("plain",))
    assert body is not None
    assert "042137" in body.get_content()
    assert "Änne" in body.get_content()


def test_starttls_and_login(mail_server: MakeServer, certificates: Certificates) -> None:
    server = mail_server(
        tls_context=certificates.server, require_starttls=True, auth_required=True, authenticator=authenticator
    )
    server.start()
    mail = settings(server, tls="starttls", username=USERNAME)
    SmtpTransport(mail, PASSWORD, certificates.client).send(mail_for())
    assert server.logged_in == [True]


def test_tls_from_the_first_byte(mail_server: MakeServer, certificates: Certificates) -> None:
    server = mail_server(implicit_tls=certificates.server, auth_require_tls=False, authenticator=authenticator)
    server.start()
    mail = settings(server, tls="tls", username=USERNAME)
    transport = SmtpTransport(mail, PASSWORD, certificates.client)
    transport.send(mail_for())
    transport.send(mail_for())
    assert server.logged_in == [True, True]


def test_a_wrong_password_is_a_permanent_refusal(mail_server: MakeServer, certificates: Certificates) -> None:
    server = mail_server(implicit_tls=certificates.server, auth_require_tls=False, authenticator=authenticator)
    server.start()
    mail = settings(server, tls="tls", username=USERNAME)
    with pytest.raises(MailRefused, match=r"^535"):
        SmtpTransport(mail, "wrong", certificates.client).send(mail_for())


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_unknown_authority_is_not_trusted(mail_server: MakeServer, certificates: Certificates, tls: str) -> None:
    context = {"implicit_tls" if tls == "tls" else "tls_context": certificates.server}
    server = mail_server(**context)
    server.start()
    with pytest.raises(MailDeferred, match="CERTIFICATE_VERIFY_FAILED"):
        SmtpTransport(settings(server, tls=tls), None).send(mail_for())
    assert server.tried == []


def test_without_starttls_nothing_is_sent(mail_server: MakeServer) -> None:
    server = mail_server()
    server.start()
    with pytest.raises(MailRefused, match="STARTTLS"):
        SmtpTransport(settings(server, tls="starttls"), None).send(mail_for())
    assert server.tried == []


def test_a_password_that_smtplib_cannot_send(mail_server: MakeServer, certificates: Certificates) -> None:
    server = mail_server(tls_context=certificates.server, authenticator=authenticator)
    server.start()
    mail = settings(server, tls="starttls", username=USERNAME)
    with pytest.raises(MailRefused, match="ASCII"):
        SmtpTransport(mail, "Paßwort", certificates.client).send(mail_for())


def test_permanent_and_temporary_refusals(mail_server: MakeServer) -> None:
    server = mail_server(replies={"ann@example.org": ["550 5.1.1 nobody\r\n here", "451 4.7.1 later"]})
    server.start()
    transport = SmtpTransport(settings(server), None)
    with pytest.raises(MailRefused, match=r"^550 5\.1\.1 nobody"):
        transport.send(mail_for())
    with pytest.raises(MailDeferred, match=r"^451 4\.7\.1 later$"):
        transport.send(mail_for())
    transport.send(mail_for())
    assert len(server.messages) == 1


def test_addresses_beyond_ascii_need_smtputf8(mail_server: MakeServer) -> None:
    plain, modern = mail_server(), mail_server(enable_SMTPUTF8=True)
    plain.start()
    modern.start()
    message = mail_for(to="jürgen@example.org")
    with pytest.raises(MailRefused, match="SMTPUTF8"):
        SmtpTransport(settings(plain), None).send(message)
    SmtpTransport(settings(modern), None).send(message)
    assert modern.recipients == ["jürgen@example.org"]


def test_a_closed_port_defers_the_mail(mail_server: MakeServer) -> None:
    with pytest.raises(MailDeferred, match="ConnectionRefusedError"):
        SmtpTransport(settings(mail_server()), None).send(mail_for())


def test_a_server_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = MailSettings(host="127.0.0.1", port=silent.getsockname()[1], tls="none", timeout_seconds=0.2)
        with pytest.raises(MailDeferred, match="timed out"):
            SmtpTransport(mail, None).send(mail_for())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"sender": "Chat <chat@chat.example.org>"}, "chat.example.org"),
        ({"sender": "chat@chat.example.org", "ehlo": "[192.0.2.1]"}, "[192.0.2.1]"),
        ({"sender": "chat@chat.example.org", "ehlo": "relay.example.net"}, "relay.example.net"),
    ],
)
def test_the_name_in_ehlo(mail_server: MakeServer, changes: dict[str, str], name: str) -> None:
    server = mail_server()
    server.start()
    SmtpTransport(settings(server, **changes), None).send(mail_for())
    assert server.names == [name]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("421 4.7.0 too many connections from you", MailDeferred), ("554 5.7.1 your name is on a list", MailRefused)],
)
def test_the_reason_of_a_server_that_closes_is_reported(
    mail_server: MakeServer, reason: str, kind: type[Exception]
) -> None:
    """smtplib tries HELO after that, and then reports only that the connection is closed."""
    server = mail_server(closing_reply=reason)
    server.start()
    with pytest.raises(kind, match=f"^{reason}$"):
        SmtpTransport(settings(server), None).send(mail_for())


def test_a_server_that_closes_without_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        pool.submit(lambda: listener.accept()[0].close())
        mail = MailSettings(host="127.0.0.1", port=listener.getsockname()[1], tls="none", timeout_seconds=20.0)
        with pytest.raises(MailDeferred, match=r"closed|reset"):
            SmtpTransport(mail, None).send(mail_for())


def test_a_server_that_stops_answering_after_a_refusal_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool, ExitStack() as opened:

        def refuse_ehlo() -> None:
            connection = opened.enter_context(listener.accept()[0])
            connection.sendall(b"220 here\r\n")
            connection.recv(1000)
            connection.sendall(b"502 no EHLO\r\n")

        pool.submit(refuse_ehlo)
        mail = MailSettings(host="127.0.0.1", port=listener.getsockname()[1], tls="none", timeout_seconds=0.5)
        with pytest.raises(MailDeferred, match="timed out"):
            SmtpTransport(mail, None).send(mail_for())


def test_the_extensions_of_a_server(mail_server: MakeServer, certificates: Certificates) -> None:
    server = mail_server(tls_context=certificates.server, data_size_limit=1000)
    server.start()
    offers = SmtpTransport(settings(server), None).try_out()
    assert {"STARTTLS", "SIZE 1000", "8BITMIME"} <= set(offers)
    assert server.messages == []
