"""Mail over SMTP. The only module that imports smtplib; it is imported when the first mail is sent."""

import contextlib
import smtplib
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reichatd.mail.sender import parse_sender
from reichatd.mail.transport import MailDeferred, MailError, MailRefused

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reichatd.settings import MailSettings


TEMPORARY = 400
PERMANENT = 500
REASON_CHARS = 200


class SmtpTransport:
    """Passes mail to a mail server, one connection per mail.

    Arguments:
        mail: the server's address, encryption and login; no login if `mail.username` is empty.
        password: of the login.
        context: trusted authorities; by default the system's. The server's name is verified.
    """

    def __init__(self, mail: "MailSettings", password: str | None, context: ssl.SSLContext | None = None) -> None:
        self._mail = mail
        self._password = password or ""
        self._context = context

    def send(self, message: "EmailMessage") -> None:
        """Delivers one mail to the server, within `mail.timeout_seconds`.

        The timeout is checked between steps: a server that sends a reply byte by byte can exceed it within one step.

        Raises:
            MailDeferred: the server does not answer, or accepts no mail now (4xx).
            MailRefused: it rejects this mail (5xx), or does not support what the settings ask for.
        """
        with self._session() as client:
            client.send_message(
                message,
                from_addr=message["From"].addresses[0].addr_spec,
                to_addrs=[address.addr_spec for address in message["To"].addresses],
            )

    def try_out(self) -> list[str]:
        """Connects and logs in, but sends no mail. Errors and timeout as for `send`.

        Returns: the server's extensions (RFC 5321, 4.1.1.1) in its own words: `STARTTLS`, `SIZE 1000`.
        """
        with self._session() as client:
            client.ehlo_or_helo_if_needed()
            return [" ".join([name, *more.split()]).upper() for name, more in client.esmtp_features.items()]

    @property
    def name(self) -> str:
        """The name in EHLO. smtplib's default, the name of this machine, may be one that no server accepts."""
        return self._mail.ehlo or parse_sender(self._mail.sender).domain

    @contextlib.contextmanager
    def _session(self) -> Iterator["_Client | _TlsClient"]:
        """A connection to the server, encrypted and logged in as the settings say. Sends QUIT at the end if nothing failed."""
        deadline = time.monotonic() + self._mail.timeout_seconds
        with _map_errors(), contextlib.closing(self._connect()) as client, _with_reason(client):
            _set_timeout(client, deadline)
            if self._mail.tls == "starttls":
                client.starttls(context=self._tls_context())
                _set_timeout(client, deadline)
            if self._mail.username:
                self._login(client)
                _set_timeout(client, deadline)
            yield client
            # The server has accepted the mail. Waiting for its reply to QUIT could only turn success into failure.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.putcmd("QUIT")

    def _connect(self) -> "_Client | _TlsClient":
        host, port, seconds = self._mail.host, self._mail.port, self._mail.timeout_seconds
        if self._mail.tls == "tls":
            return _TlsClient(host, port, self.name, timeout=seconds, context=self._tls_context())
        return _Client(host, port, self.name, timeout=seconds)

    def _login(self, client: smtplib.SMTP) -> None:
        if not (self._mail.username + self._password).isascii():
            raise MailRefused("smtplib can log in with ASCII names and passwords only")
        client.login(self._mail.username, self._password)

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context


class _RefusalMixin:
    """For smtplib's clients: remembers the server's last reply, if that was a refusal."""

    refusal: tuple[int, bytes] | None = None

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()  # type: ignore[misc]
        self.refusal = (code, text) if code >= TEMPORARY else None
        return code, text


class _Client(_RefusalMixin, smtplib.SMTP):
    pass


class _TlsClient(_RefusalMixin, smtplib.SMTP_SSL):
    pass


@contextlib.contextmanager
def _with_reason(client: "_Client | _TlsClient") -> Iterator[None]:
    """Reports the server's last refusal where it closed the connection.

    After some refusals smtplib tries another way (HELO after EHLO, the next login method). It then reports only that the
    connection is closed. A server that is about to close answers any command with 421 (RFC 5321, 3.8).
    """
    try:
        yield
    except smtplib.SMTPServerDisconnected as error:
        # smtplib raises this for a timeout too. A server that stops answering has refused nothing for good.
        if client.refusal is None or isinstance(error.__context__, TimeoutError):
            raise
        raise smtplib.SMTPResponseException(*client.refusal) from None


def _set_timeout(client: smtplib.SMTP, deadline: float) -> None:
    """Limits the next step to the time that remains."""
    left = deadline - time.monotonic()
    if left <= 0 or client.sock is None:
        raise TimeoutError("timed out")
    client.sock.settimeout(left)


@contextlib.contextmanager
def _map_errors() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(str(error)) from error
    except smtplib.SMTPRecipientsRefused as error:
        # A mail has one recipient.
        code, text = next(iter(error.recipients.values()))
        raise _refusal(code, text) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailDeferred(f"{error.__class__.__name__}: {error}") from error


def _refusal(code: int, text: bytes | str) -> MailError:
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    reason = f"{code} {' '.join(text.split())[:REASON_CHARS]}"
    return MailRefused(reason) if code >= PERMANENT else MailDeferred(reason)
