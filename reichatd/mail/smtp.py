"""Letters over SMTP. The only module that imports smtplib; itself imported when the first letter is sent."""

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
    """Hands letters to a mail server, over a connection of its own for each.

    Arguments:
        mail: where the server is and how to speak to it; no login if `mail.username` is empty.
        password: for the login.
        context: whom to trust; by default the system's authorities, with the server's name verified.
    """

    def __init__(self, mail: "MailSettings", password: str | None, context: ssl.SSLContext | None = None) -> None:
        self._mail = mail
        self._password = password or ""
        self._context = context

    def send(self, letter: "EmailMessage") -> None:
        """Delivers one letter to the server, within `mail.timeout_seconds`.

        The time is kept step by step: a server that sends its answers byte by byte can overdraw it within one step.

        Raises:
            Deferred: the server does not answer, or takes no letters now (4xx).
            Refused: it will not take this letter (5xx), or cannot do what the settings ask for.
        """
        with self._session() as client:
            client.send_message(
                letter,
                from_addr=letter["From"].addresses[0].addr_spec,
                to_addrs=[address.addr_spec for address in letter["To"].addresses],
            )

    def try_out(self) -> list[str]:
        """Connects and logs in as for a letter, and sends none. Errors and time as for `send`.

        Returns: what the server says that it can do (RFC 5321, 4.1.1.1), as it says it: `STARTTLS`, `SIZE 1000`.
        """
        with self._session() as client:
            client.ehlo_or_helo_if_needed()
            return [" ".join([name, *more.split()]).upper() for name, more in client.esmtp_features.items()]

    @property
    def name(self) -> str:
        """What the daemon calls itself: the name of this machine, which smtplib would take, may be one that no server accepts."""
        return self._mail.ehlo or parse_sender(self._mail.sender).domain

    @contextlib.contextmanager
    def _session(self) -> Iterator["_Client | _TlsClient"]:
        """A connection to the server, encrypted and logged in as the settings want it; a good-bye in the end if all went well."""
        deadline = time.monotonic() + self._mail.timeout_seconds
        with _faults_mapped(), contextlib.closing(self._connect()) as client, _last_words(client):
            _keep(client, deadline)
            if self._mail.tls == "starttls":
                client.starttls(context=self._trust())
                _keep(client, deadline)
            if self._mail.username:
                self._login(client)
                _keep(client, deadline)
            yield client
            # A letter is the server's now. Waiting for its good-bye could only turn success into failure.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.putcmd("QUIT")

    def _connect(self) -> "_Client | _TlsClient":
        host, port, seconds = self._mail.host, self._mail.port, self._mail.timeout_seconds
        if self._mail.tls == "tls":
            return _TlsClient(host, port, self.name, timeout=seconds, context=self._trust())
        return _Client(host, port, self.name, timeout=seconds)

    def _login(self, client: smtplib.SMTP) -> None:
        if not (self._mail.username + self._password).isascii():
            raise MailRefused("smtplib can log in with ASCII names and passwords only")
        client.login(self._mail.username, self._password)

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context


class _Attentive:
    """For smtplib's clients: remembers the server's last answer, if that was a refusal."""

    refusal: tuple[int, bytes] | None = None

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()  # type: ignore[misc]
        self.refusal = (code, text) if code >= TEMPORARY else None
        return code, text


class _Client(_Attentive, smtplib.SMTP):
    pass


class _TlsClient(_Attentive, smtplib.SMTP_SSL):
    pass


@contextlib.contextmanager
def _last_words(client: "_Client | _TlsClient") -> Iterator[None]:
    """Tells what the server said before it hung up.

    After some refusals smtplib tries another way (HELO after EHLO, the next kind of login), and says only that the connection is
    closed. A server that is about to hang up says 421 to whatever it is asked (RFC 5321, 3.8).
    """
    try:
        yield
    except smtplib.SMTPServerDisconnected as error:
        # smtplib says so of a timeout too, and a server that falls silent has refused nothing for good.
        if client.refusal is None or isinstance(error.__context__, TimeoutError):
            raise
        raise smtplib.SMTPResponseException(*client.refusal) from None


def _keep(client: smtplib.SMTP, deadline: float) -> None:
    """Leaves the next step no more time than is left."""
    left = deadline - time.monotonic()
    if left <= 0 or client.sock is None:
        raise TimeoutError("timed out")
    client.sock.settimeout(left)


@contextlib.contextmanager
def _faults_mapped() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(str(error)) from error
    except smtplib.SMTPRecipientsRefused as error:
        # One letter has one recipient.
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
