"""`reichatd chat`: a client for the terminal."""

import sys
from contextlib import suppress

import click
import trio

from reichatd.cli import exit_status
from reichatd.cli.client import checked, errors_explained, find_room, insecure_option, kept
from reichatd.cli.prompts import ask, can_ask
from reichatd.terminal import screen
from reichatd.terminal.client import LoggedOut, RoomChoice, ServerClient, ServerRefused
from reichatd.terminal.logins import Logins, default_file
from reichatd.terminal.rooms import find_rooms
from reichatd.terminal.transcript import plain


@click.command()
@click.argument("url")
@click.argument("room", required=False)
@click.option("--email", help="The account to log in to; asked for where it is needed.")
@insecure_option
@click.option("--log-out", is_flag=True, help="End the login session that is kept for URL, and leave.")
def chat(url: str, room: str | None, email: str | None, insecure: bool, log_out: bool) -> None:
    """Chat from this terminal, on any server.

    URL is the server's address, ROOM the id or the name of a room; without it you choose one from a list. The password is asked
    for once; the tokens that it gets are kept in a file that only you can read. Once in a room, /help says what else there is.
    """
    url = checked(url, insecure=insecure)
    logins = Logins(default_file())
    try:
        with errors_explained(url):
            if log_out:
                trio.run(_log_out, url, logins, email)
            elif not (can_ask() and sys.stdout.isatty()):
                raise click.UsageError("this needs a terminal; scripts post with `reichatd send`")
            else:
                chosen, characters = trio.run(_arrive, url, logins, email, room)
                screen.run(kept(url, logins), chosen.room_id, chosen.name, characters)
    except LoggedOut:
        exit_status.fail(exit_status.NOT_PERMITTED, "the login session is over; start again to log in")
    except OSError as error:
        exit_status.fail(exit_status.CANNOT_CREATE, f"the login cannot be kept: {error}")


async def _log_out(url: str, logins: Logins, email: str | None) -> None:
    key = logins.key_of_account(url, email) if email else url
    async with kept(url, logins, key) as server:
        if server.login is not None:
            with suppress(LoggedOut):  # it was over already
                await server.log_out()
            logins.save(key, None)
    click.echo("logged out")


async def _arrive(url: str, logins: Logins, email: str | None, room: str | None) -> tuple[RoomChoice, int]:
    """Logs in where that is needed, and becomes a member of a room; the room, and how many characters a message may have."""
    async with kept(url, logins) as server:
        characters = await server.message_characters()
        if server.login is None or (email and email != server.login.email):
            await _log_in(server, email)
        try:
            return await _enter(server, room), characters
        except LoggedOut:
            await _log_in(server, server.login.email if server.login else email)
            return await _enter(server, room), characters


async def _log_in(server: ServerClient, email: str | None) -> None:
    await server.check()  # before a password is typed in vain
    email = email or ask("E-mail address")
    await server.log_in(email, ask(f"Password of {email}", hidden=True))


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
        exit_status.fail(exit_status.NOT_FOUND, "there is no public room, and you are a member of none")
    for number, room in enumerate(rooms, 1):
        click.echo(plain(f"{number:4}  {room.name} ({room.room_id}){'' if room in joined else ', not joined yet'}"))
    while True:
        answer = ask("Room (number, id or name)", default="1").strip()
        found = _chosen(rooms, answer)
        if len(found) == 1:
            return found[0]
        click.echo(plain(_unclear(answer, found, len(rooms))), err=True)


def _chosen(rooms: list[RoomChoice], answer: str) -> list[RoomChoice]:
    """What an answer means; a number is that of the list before it is an id."""
    if answer.isdecimal() and 1 <= int(answer) <= len(rooms):
        return [rooms[int(answer) - 1]]
    return find_rooms(rooms, answer, prefix=True)


def _unclear(answer: str, found: list[RoomChoice], count: int) -> str:
    if found:
        return f"Several rooms are called {answer!r}: {', '.join(room.room_id for room in found)}. Give the number or id of one."
    return (
        f"No room in the list has the number (1 to {count}), id or name {answer!r}. "
        "A private room that you have yet to join is named when you start: reichatd chat URL ROOM"
    )


async def _join(server: ServerClient, room_id: str) -> None:
    try:
        await server.join(room_id)
    except ServerRefused as refusal:
        if refusal.code != "password_required":
            raise
        await server.join(room_id, ask("Password of the room", hidden=True))
