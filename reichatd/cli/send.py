"""`reichatd send`: posts one message, for scripts."""

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
import trio

from reichatd.cli import exit_status
from reichatd.cli.client_commands import after_login, checked, find_room, insecure_option, server_errors_reported
from reichatd.cli.output import json_option, print_json_line
from reichatd.cli.prompts import can_ask
from reichatd.terminal.client import TOTP_REQUIRED, LoggedOut, Login, RoomChoice, ServerClient, ServerRefused
from reichatd.terminal.conversation import Outcome
from reichatd.terminal.delivery import NotAcknowledged, deliver, until_reached
from reichatd.terminal.frames import encodable, length_problem, trimmed
from reichatd.terminal.logins import Logins, default_file
from reichatd.terminal.transcript import plain

_MOST_BYTES = 1024 * 1024
"""The limit of what is read from standard input. No server takes a longer message."""


class _Account(NamedTuple):
    """The account that posts: by a token for programs, by an address, or else the one whose login `reichatd chat` has stored."""

    email: str | None
    password: str | None
    token: str | None


class _Message(NamedTuple):
    room: str
    content: str
    nonce: str


@click.command()
@click.argument("url")
@click.argument("room")
@click.argument("text", required=False)
@click.option("--email", envvar="REICHATD_EMAIL", show_envvar=True, help="The account to post as.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="REICHATD_PASSWORD_FILE",
    show_envvar=True,
    help="A file whose first line is the password.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="REICHATD_TOKEN_FILE",
    show_envvar=True,
    help="A file whose first line is a token for programs: then nothing logs in.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=86_400, min_open=True),
    default=30.0,
    show_default=True,
    help="How many seconds to keep trying.",
)
@click.option(
    "--nonce", default="", help="An id for the message: with the same id it is stored once, even if it is sent again."
)
@insecure_option
@click.option("-v", "--verbose", is_flag=True, help="Print the message id.")
@json_option
def send(
    url: str,
    room: str,
    text: str | None,
    email: str | None,
    password_file: Path | None,
    token_file: Path | None,
    timeout: float,
    nonce: str,
    insecure: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Post one message, for scripts: exit status 0 when it is stored.

    ROOM is the id or name of a room. If the room is public, the account joins it. TEXT is the message. With - as TEXT, or without
    TEXT and without a terminal, the message is read from standard input; bytes that are not UTF-8 become U+FFFD.

    The account is the one that logged in with `reichatd chat URL`, or that of --email. Its password is in --password-file or in the
    environment (REICHATD_PASSWORD); with a second factor, give an app password. A token for programs with the scopes read and write
    needs no login: it is in --token-file or in the environment (REICHATD_TOKEN).

    The command connects again until the server acknowledges the message. --json prints the ids of the room and the message.

    Exit status: 0 stored; 65 refused (empty, too long, a wrong password); 67 no such room or account; 69 the server did not answer
    in time, and nothing was sent; 75 sent, but not acknowledged in time: it may be stored, and can be sent again with the same
    --nonce; 77 not logged in, or not allowed.
    """
    url = checked(url, insecure=insecure)
    content = _content(text)
    password, token = _secret(password_file, "REICHATD_PASSWORD"), _secret(token_file, "REICHATD_TOKEN")
    account = _Account(email, password, token)
    try:
        with server_errors_reported(url):
            room_id, outcome = trio.run(_send, url, account, _Message(room, content, nonce), timeout)
    except LoggedOut:
        _fail_logged_out(url, account)
    except NotAcknowledged as error:
        exit_status.fail(exit_status.TRY_AGAIN, f"{url}: sent, but {plain(str(error))}")
    except KeyboardInterrupt:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted; the message may or may not have been posted")
    if outcome.message_id is None:
        exit_status.fail(exit_status.REFUSED, plain(outcome.refusal))
    if as_json:
        print_json_line({"room_id": room_id, "message_id": outcome.message_id})
    elif verbose:
        click.echo(outcome.message_id)


def _content(text: str | None) -> str:
    if text is None and can_ask():
        raise click.UsageError("TEXT is missing; - reads it from standard input")
    if text is None or text == "-":
        text = _standard_input()
    content = trimmed(encodable(text))
    if not content:
        exit_status.fail(exit_status.REFUSED, "the message is empty")
    return content


def _standard_input() -> str:
    data = sys.stdin.buffer.read(_MOST_BYTES + 1) if sys.stdin is not None else b""
    if len(data) > _MOST_BYTES:
        exit_status.fail(
            exit_status.REFUSED, f"standard input has more than {_MOST_BYTES:,} bytes, too many for a message"
        )
    return data.decode(errors="replace")


def _secret(file: Path | None, variable: str) -> str | None:
    """The first line of a file, or else the environment variable."""
    if file is None:
        return os.environ.get(variable) or None
    try:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        exit_status.fail(exit_status.UNREADABLE, f"{file}: {reason}")


async def _send(url: str, account: _Account, message: _Message, seconds: float) -> tuple[str, Outcome]:
    deadline = trio.current_time() + seconds
    login = _TokenLogin(account.token) if account.token else _StoredLogin(url, account.email)
    async with ServerClient(url, login.found, login.keep) as server:
        try:
            room = await until_reached(partial(_arrive, server, account, message), seconds)
            left = max(0.0, deadline - trio.current_time())
            return room.room_id, await deliver(server, room.room_id, message.content, message.nonce, left)
        finally:
            if not login.is_stored and server.login is not None:
                # Otherwise each run would leave a login session at the server.
                with trio.move_on_after(5, shield=True), suppress(Exception):
                    await server.log_out()


class _StoredLogin:
    """The login of an account in the file of logins. The message is posted even if that file cannot be written."""

    def __init__(self, url: str, email: str | None) -> None:
        self.is_stored = True
        self.found: Login | None = None
        self._logins = Logins(default_file())
        self._key = f"{email} {url}" if email else url
        with suppress(OSError):
            self._key = self._logins.key_of_account(url, email) if email else url
            self.found = self._logins.of(self._key)

    def keep(self, login: Login) -> None:
        try:
            self._logins.save(self._key, login)
        except OSError:
            # A login that was found in the file is still valid there if its refresh token has not changed.
            self.is_stored = self.found is not None and self.found.refresh_token == login.refresh_token


class _TokenLogin:
    """A token for programs in place of a login. It is stored nowhere, and stays valid."""

    is_stored = True

    def __init__(self, token: str) -> None:
        self.found = Login(email="", user_id="", access_token=token, refresh_token="")

    def keep(self, login: Login) -> None:
        """Nothing changes it."""


async def _arrive(server: ServerClient, account: _Account, message: _Message) -> RoomChoice:
    """Logs in if that is needed, and joins the room."""
    return await after_login(
        server, partial(_log_in, server, account), partial(_enter, server, message), is_needed=False
    )


async def _log_in(server: ServerClient, account: _Account) -> None:
    email = account.email or (server.login.email if server.login else None)
    if account.token or email is None or account.password is None:
        await server.check()
        raise LoggedOut
    try:
        await server.log_in(email, account.password)
    except ServerRefused as refusal:
        if refusal.code != TOTP_REQUIRED:
            raise
        exit_status.fail(
            exit_status.NOT_PERMITTED,
            f"{email} has a second factor: give an app password in place of the password, or a token in --token-file",
        )


async def _enter(server: ServerClient, message: _Message) -> RoomChoice:
    if why := length_problem(message.content, await server.message_characters()):
        exit_status.fail(exit_status.REFUSED, why)
    room = await find_room(server, message.room)
    await server.join(room.room_id)
    return room


def _fail_logged_out(url: str, account: _Account) -> NoReturn:
    if account.token:
        exit_status.fail(exit_status.NOT_PERMITTED, f"the token is not valid at {url}")
    if account.email is not None and account.password is None:
        exit_status.fail(
            exit_status.NOT_PERMITTED,
            f"no password for {account.email}: give --password-file, or set REICHATD_PASSWORD",
        )
    exit_status.fail(
        exit_status.NOT_PERMITTED,
        f"not logged in at {url}: log in once with `reichatd chat {url}`, or give --email and --password-file",
    )
