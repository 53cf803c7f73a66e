"""`reichatd chat`: a client for the terminal."""

import sys
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

import click
import trio

from reichatd.cli import exits
from reichatd.terminal import screen
from reichatd.terminal.conversation import Ended
from reichatd.terminal.logins import Logins, default_file
from reichatd.terminal.server import LoggedOut, Refused, Room, Server, Unreachable
from reichatd.terminal.transcript import plain


@click.command()
@click.argument("url")
@click.argument("room", required=False)
@click.option("--email", help="Whom to log in as; asked for where it is needed.")
@click.option("--insecure", is_flag=True, help="Allow http:// to another machine: all can be read on the way.")
@click.option("--log-out", is_flag=True, help="End the login session that is kept for URL, and leave.")
def chat(url: str, room: str | None, email: str | None, insecure: bool, log_out: bool) -> None:
    """Chat from this terminal, on any server.

    URL is the server's address, ROOM the id of a room; without it you choose one from a list. The password is asked for
    once; the tokens that it gets are kept in a file that only you can read.
    """
    url = _checked(url, insecure=insecure)
    logins = Logins(default_file())
    try:
        if log_out:
            trio.run(_log_out, url, logins)
        elif not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError("this needs a terminal")
        else:
            chosen = trio.run(_arrive, url, logins, email, room)
            screen.converse(_server(url, logins), chosen.room_id, chosen.name)
    except Unreachable as error:
        exits.fail(exits.STORE_UNAVAILABLE, f"{url}: {plain(str(error))}")
    except Refused as error:
        exits.fail(exits.REFUSED, plain(str(error)))
    except Ended as error:
        exits.fail(exits.REFUSED, f"the conversation has ended: {plain(str(error))}")
    except LoggedOut:
        exits.fail(exits.NOT_PERMITTED, "the login session is over; start again to log in")
    except OSError as error:
        exits.fail(exits.CANNOT_CREATE, f"the login cannot be kept: {error}")


def _checked(url: str, *, insecure: bool) -> str:
    """The address of a server that a password may be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise click.UsageError(f"URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise click.UsageError("URL is to be http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.scheme == "http" and not insecure and not _is_here(host):
        raise click.UsageError("http:// to another machine can be read on the way; use https://, or say --insecure")
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _server(url: str, logins: Logins) -> Server:
    return Server(url, logins.of(url), partial(logins.keep, url))


async def _log_out(url: str, logins: Logins) -> None:
    async with _server(url, logins) as server:
        if server.login is not None:
            with suppress(LoggedOut):  # it was over already
                await server.log_out()
            logins.keep(url, None)
    click.echo("logged out")


async def _arrive(url: str, logins: Logins, email: str | None, room_id: str | None) -> Room:
    """Logs in where that is needed, and becomes a member of a room."""
    async with _server(url, logins) as server:
        if server.login is None or (email and email != server.login.email):
            await _log_in(server, email)
        try:
            return await _enter(server, room_id)
        except LoggedOut:
            await _log_in(server, server.login.email if server.login else email)
            return await _enter(server, room_id)


async def _log_in(server: Server, email: str | None) -> None:
    email = email or click.prompt("E-mail address")
    await server.log_in(email, click.prompt(f"Password of {email}", hide_input=True))


async def _enter(server: Server, room_id: str | None) -> Room:
    joined = await server.rooms("joined")
    if room_id is None:
        room = _choose(joined, [room for room in await server.rooms("public") if room not in joined])
    else:
        room = next((room for room in joined if room.room_id == room_id), Room(room_id, room_id, ""))
    if room not in joined:
        await _join(server, room.room_id)
    return room


def _choose(joined: list[Room], others: list[Room]) -> Room:
    rooms = [*joined, *others]
    if not rooms:
        exits.fail(exits.NOT_FOUND, "there is no public room, and you are a member of none")
    for number, room in enumerate(rooms, 1):
        click.echo(plain(f"{number:4}  {room.name} ({room.room_id}){'' if room in joined else ', not joined yet'}"))
    number = click.prompt("Room", type=click.IntRange(1, len(rooms)), default=1)
    return rooms[number - 1]


async def _join(server: Server, room_id: str) -> None:
    try:
        await server.join(room_id)
    except Refused as refusal:
        if refusal.code != "password_required":
            raise
        await server.join(room_id, click.prompt("Password of the room", hide_input=True))
