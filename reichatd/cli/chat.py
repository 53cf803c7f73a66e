"""`reichatd chat`: the terminal client."""

import sys
from contextlib import suppress
from functools import partial

import click
import trio

from reichatd.cli import exit_status
from reichatd.cli.client_commands import (
    after_login,
    checked,
    find_room,
    insecure_option,
    server_errors_reported,
    with_stored_login,
)
from reichatd.cli.prompts import ask, can_ask
from reichatd.terminal import screen
from reichatd.terminal.client import (
    INVALID_CODE,
    TOTP_REQUIRED,
    LoggedOut,
    RoomChoice,
    ServerClient,
    ServerRefused,
)
from reichatd.terminal.logins import Logins, default_file
from reichatd.terminal.rooms import find_rooms
from reichatd.terminal.transcript import plain


@click.command()
@click.argument("url")
@click.argument("room", required=False)
@click.option("--email", help="The account to log in with. Default: it is asked for if needed.")
@insecure_option
@click.option("--typing", is_flag=True, help="Show who is typing, and show others that you are.")
@click.option("--log-out", is_flag=True, help="End the login session that is stored for URL, and exit.")
def chat(url: str, room: str | None, email: str | None, insecure: bool, typing: bool, log_out: bool) -> None:
    """Chat in this terminal, on any server.

    URL is the server's address. ROOM is the id or name of a room; without it, you choose one from a list. The password is asked for
    once, and not stored; with a second factor, so is a code. The tokens of the login are stored in a file that only you can read.
    In a room, /help lists the commands.
    """
    url = checked(url, insecure=insecure)
    logins = Logins(default_file())
    try:
        with server_errors_reported(url):
            if log_out:
                trio.run(_log_out, url, logins, email)
            elif not (can_ask() and sys.stdout.isatty()):
                raise click.UsageError("this command needs a terminal; scripts can use `reichatd send`")
            else:
                chosen, characters = trio.run(_arrive, url, logins, email, room)
                screen.run(with_stored_login(url, logins), chosen.room_id, chosen.name, characters, shows_typing=typing)
    except LoggedOut:
        exit_status.fail(exit_status.NOT_PERMITTED, "the login session is over; start again to log in")
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"the login cannot be stored: {error}")


async def _log_out(url: str, logins: Logins, email: str | None) -> None:
    key = logins.key_of_account(url, email) if email else url
    async with with_stored_login(url, logins, key) as server:
        if server.login is not None:
            with suppress(LoggedOut):  # the session was over already
                await server.log_out()
            logins.save(key, None)
    click.echo("logged out")


async def _arrive(url: str, logins: Logins, email: str | None, room: str | None) -> tuple[RoomChoice, int]:
    """Logs in if that is needed, and joins a room. Returns the room, and how many characters a message may have."""
    async with with_stored_login(url, logins) as server:
        characters = await server.message_characters()
        is_other = bool(email and server.login and email != server.login.email)
        enter = partial(_enter, server, room)
        return await after_login(server, partial(_log_in, server, email), enter, is_needed=is_other), characters


async def _log_in(server: ServerClient, email: str | None) -> None:
    await server.check()  # before a person types a password that no server gets
    email = email or (server.login.email if server.login else ask("E-mail address"))
    password, totp = ask(f"Password of {email}", hidden=True), None
    while True:
        try:
            return await server.log_in(email, password, totp)
        except ServerRefused as refusal:
            if refusal.code == INVALID_CODE:
                click.echo(plain(str(refusal)), err=True)
            elif refusal.code != TOTP_REQUIRED:
                raise
        totp = ask("Code of your authenticator app, or a recovery code")


async def _enter(server: ServerClient, name: str | None) -> RoomChoice:
    if name is not None:
        room = await find_room(server, name)
        await _join(server, room.room_id)
        return room
    joined = await server.rooms("joined")
    room = _choose(joined, [room for room in await server.rooms("public") if room not in joined])
    if room not in joined:
        await _join(server, room.room_id)
    return room


def _choose(joined: list[RoomChoice], others: list[RoomChoice]) -> RoomChoice:
    rooms = [*joined, *others]
    if not rooms:
        exit_status.fail(exit_status.NOT_FOUND, "there is no public room, and you have joined no room")
    for number, room in enumerate(rooms, 1):
        click.echo(plain(f"{number:4}  {room.name} ({room.room_id}){'' if room in joined else ', not joined yet'}"))
    while True:
        answer = ask("Room (number, id or name)", default="1").strip()
        found = _chosen(rooms, answer)
        if len(found) == 1:
            return found[0]
        click.echo(plain(_unclear(answer, found, len(rooms))), err=True)


def _chosen(rooms: list[RoomChoice], answer: str) -> list[RoomChoice]:
    """The rooms that an answer can mean. A number is first one of the list, then an id."""
    if answer.isdecimal() and 1 <= int(answer) <= len(rooms):
        return [rooms[int(answer) - 1]]
    return find_rooms(rooms, answer, prefix=True)


def _unclear(answer: str, found: list[RoomChoice], count: int) -> str:
    if found:
        return f"Several rooms are called {answer!r}: {', '.join(room.room_id for room in found)}. Give the number or id of one."
    return (
        f"No room in the list has the number (1 to {count}), id or name {answer!r}. "
        "To join a private room, name it at the start: reichatd chat URL ROOM"
    )


async def _join(server: ServerClient, room_id: str) -> None:
    try:
        await server.join(room_id)
    except ServerRefused as refusal:
        if refusal.code != "password_required":
            raise
        await server.join(room_id, ask("Password of the room", hidden=True))
