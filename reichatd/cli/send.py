"""`reichatd send`: one message, posted by a script."""

import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
import msgspec
import trio

from reichatd.cli import exit_status
from reichatd.cli.client import checked, errors_explained, find_room, insecure_option
from reichatd.cli.prompts import can_ask
from reichatd.terminal.client import LoggedOut, Login, RoomChoice, ServerClient
from reichatd.terminal.conversation import Outcome
from reichatd.terminal.delivery import NotAcknowledged, deliver, until_reached
from reichatd.terminal.frames import encodable, length_problem, trimmed
from reichatd.terminal.logins import Logins, default_file
from reichatd.terminal.transcript import plain

_MOST_BYTES = 1024 * 1024
"""What is read of standard input: more is no message anywhere."""


class _Account(NamedTuple):
    """Who posts. Without an address: the user whose login `reichatd chat` has kept."""

    email: str | None
    password: str | None


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
    help="A file whose first line is its password.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=86_400, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds to go on trying.",
)
@click.option("--nonce", default="", help="A name for the message: however often it is sent, it is stored once.")
@insecure_option
@click.option("-v", "--verbose", is_flag=True, help="Print the message's id.")
@click.option("--json", "as_json", is_flag=True, help="Print room and message id as JSON.")
def send(
    url: str,
    room: str,
    text: str | None,
    email: str | None,
    password_file: Path | None,
    timeout: float,
    nonce: str,
    insecure: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Post one message, for scripts: exit status 0 when it is stored.

    ROOM is the id or the name of a room, which is joined if it is public; TEXT is the message. With - in its place, or none and no
    terminal, the message is read from standard input; a byte there that is not UTF-8 becomes U+FFFD.

    It is posted by the login that `reichatd chat URL` has kept, or by --email and a password, which is in --password-file or in
    the environment (REICHATD_PASSWORD). Lost connections are made again until the server has acknowledged the message.

    Exit status: 0 it is stored; 65 refused (empty, too long, a wrong password); 67 no such room or account; 69 the server was not
    reached in time, and nothing was sent; 75 no answer in time: it may be stored, and is safely sent again with the same --nonce;
    77 not logged in, or not allowed.
    """
    url = checked(url, insecure=insecure)
    content = _content(text)
    account = _Account(email, _password(password_file))
    try:
        with errors_explained(url):
            room_id, outcome = trio.run(_send, url, account, _Message(room, content, nonce), timeout)
    except LoggedOut:
        _fail_logged_out(url, account)
    except NotAcknowledged as error:
        exit_status.fail(exit_status.TRY_AGAIN, f"{url}: sent, but {plain(str(error))}")
    except KeyboardInterrupt:
        exit_status.fail(exit_status.INTERRUPTED, "interrupted; the message may be posted or not")
    if outcome.message_id is None:
        exit_status.fail(exit_status.REFUSED, plain(outcome.refusal))
    if as_json:
        click.echo(msgspec.json.encode({"room_id": room_id, "message_id": outcome.message_id}).decode())
    elif verbose:
        click.echo(outcome.message_id)


def _content(text: str | None) -> str:
    if text is None and can_ask():
        raise click.UsageError("TEXT is missing; with - it is read from standard input")
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
            exit_status.REFUSED, f"more than {_MOST_BYTES:,} bytes on standard input: no message is so long"
        )
    return data.decode(errors="replace")


def _password(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get("REICHATD_PASSWORD") or None
    try:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        exit_status.fail(exit_status.UNREADABLE, f"{file}: {reason}")


async def _send(url: str, account: _Account, message: _Message, seconds: float) -> tuple[str, Outcome]:
    deadline = trio.current_time() + seconds
    login = _KeptLogin(url, account.email)
    async with ServerClient(url, login.found, login.keep) as server:
        try:
            room = await until_reached(partial(_arrive, server, account, message), seconds)
            left = max(0.0, deadline - trio.current_time())
            return room.room_id, await deliver(server, room.room_id, message.content, message.nonce, left)
        finally:
            if not login.is_kept and server.login is not None:
                # Else each start would leave a login session behind.
                with trio.move_on_after(5, shield=True), suppress(Exception):
                    await server.log_out()


class _KeptLogin:
    """The login of an account in the file of logins. Posting goes on where the file cannot be written."""

    def __init__(self, url: str, email: str | None) -> None:
        self.is_kept = True
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
            # The refresh token of one that was kept before is the same still.
            self.is_kept = self.found is not None and self.found.refresh_token == login.refresh_token


async def _arrive(server: ServerClient, account: _Account, message: _Message) -> RoomChoice:
    """Logs in where that is needed, and becomes a member of the room."""
    if server.login is None:
        await _log_in(server, account)
    try:
        return await _enter(server, message)
    except LoggedOut:
        await _log_in(server, account)
        return await _enter(server, message)


async def _log_in(server: ServerClient, account: _Account) -> None:
    email = account.email or (server.login.email if server.login else None)
    if email is None or account.password is None:
        await server.check()
        raise LoggedOut
    await server.log_in(email, account.password)


async def _enter(server: ServerClient, message: _Message) -> RoomChoice:
    if why := length_problem(message.content, await server.message_characters()):
        exit_status.fail(exit_status.REFUSED, why)
    room = await find_room(server, message.room)
    await server.join(room.room_id)
    return room


def _fail_logged_out(url: str, account: _Account) -> NoReturn:
    if account.email is not None and account.password is None:
        exit_status.fail(
            exit_status.NOT_PERMITTED, f"no password for {account.email}: give --password-file, or REICHATD_PASSWORD"
        )
    exit_status.fail(
        exit_status.NOT_PERMITTED,
        f"not logged in at {url}: log in once with `reichatd chat {url}`, or give --email and --password-file",
    )
