"""What the commands that are clients of a server share: its address, the kept login, the choice of a room, exit statuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import click

from reichatd.cli import exit_status
from reichatd.hosts import is_local
from reichatd.terminal.client import RoomChoice, ServerClient, ServerRefused, Unreachable
from reichatd.terminal.conversation import Ended
from reichatd.terminal.logins import Logins
from reichatd.terminal.rooms import find_rooms
from reichatd.terminal.transcript import plain

insecure_option = click.option(
    "--insecure", is_flag=True, help="Allow http:// to another machine: all can be read on the way."
)

_STATUSES = {
    403: exit_status.NOT_PERMITTED,
    404: exit_status.NOT_FOUND,
    429: exit_status.TRY_AGAIN,
    503: exit_status.TRY_AGAIN,
}


def checked(url: str, *, insecure: bool) -> str:
    """The address of a server that a password may be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise click.UsageError(f"URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise click.UsageError("URL is to be http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.scheme == "http" and not insecure and not is_local(host):
        raise click.UsageError("http:// to another machine can be read on the way; use https://, or say --insecure")
    return url.rstrip("/")


def kept(url: str, logins: Logins, key: str | None = None) -> ServerClient:
    """The server, with the login that is kept under this key (the URL, if None), if there is one."""
    return ServerClient(url, logins.of(key or url), partial(logins.save, key or url))


async def find_room(server: ServerClient, name: str) -> RoomChoice:
    """The room with this id, or else with this name among the joined and the public ones. The user may not be a member yet.

    Raises: LoggedOut, Refused, Unreachable.
    """
    joined = await server.rooms("joined")
    if by_id := next((room for room in joined if room.room_id == name), None):
        return by_id
    try:
        return await server.room(name)  # also a private one, which is in no list
    except ServerRefused as refusal:
        if refusal.status != 404:
            raise
    found = find_rooms([*joined, *(room for room in await server.rooms("public") if room not in joined)], name)
    if not found:
        exit_status.fail(exit_status.NOT_FOUND, plain(f"no room has the id or the name {name}"))
    if len(found) > 1:
        ids = ", ".join(room.room_id for room in found)
        exit_status.fail(exit_status.REFUSED, plain(f"several rooms are called {name}; give the id of one: {ids}"))
    return found[0]


@contextmanager
def errors_explained(url: str) -> Iterator[None]:
    """Ends the program with a line and a status where the server cannot be reached, or says no."""
    try:
        yield
    except Unreachable as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, f"{url}: {plain(str(error))}")
    except ServerRefused as error:
        exit_status.fail(_STATUSES.get(error.status, exit_status.REFUSED), plain(str(error)))
    except Ended as error:
        exit_status.fail(exit_status.REFUSED, f"the conversation has ended: {plain(str(error))}")
