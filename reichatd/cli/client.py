"""What the commands that are clients of a server share: its address, the kept login, the choice of a room, exit statuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import click

from reichatd.cli import exits
from reichatd.hosts import is_local
from reichatd.terminal.conversation import Ended
from reichatd.terminal.logins import Logins
from reichatd.terminal.rooms import meant
from reichatd.terminal.server import Refused, Room, Server, Unreachable
from reichatd.terminal.transcript import plain

insecure_option = click.option(
    "--insecure", is_flag=True, help="Allow http:// to another machine: all can be read on the way."
)

_STATUSES = {403: exits.NOT_PERMITTED, 404: exits.NOT_FOUND, 429: exits.TRY_AGAIN, 503: exits.TRY_AGAIN}


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


def kept(url: str, logins: Logins, key: str | None = None) -> Server:
    """The server, with the login that is kept under this key (the URL, if None), if there is one."""
    return Server(url, logins.of(key or url), partial(logins.keep, key or url))


async def find_room(server: Server, name: str) -> Room:
    """The room with this id, or else with this name among the joined and the public ones. The user may not be a member yet.

    Raises: LoggedOut, Refused, Unreachable.
    """
    joined = await server.rooms("joined")
    if by_id := next((room for room in joined if room.room_id == name), None):
        return by_id
    try:
        return await server.room(name)  # also a private one, which is in no list
    except Refused as refusal:
        if refusal.status != 404:
            raise
    found = meant([*joined, *(room for room in await server.rooms("public") if room not in joined)], name)
    if not found:
        exits.fail(exits.NOT_FOUND, plain(f"no room has the id or the name {name}"))
    if len(found) > 1:
        ids = ", ".join(room.room_id for room in found)
        exits.fail(exits.REFUSED, plain(f"several rooms are called {name}; give the id of one: {ids}"))
    return found[0]


@contextmanager
def errors_explained(url: str) -> Iterator[None]:
    """Ends the program with a line and a status where the server cannot be reached, or says no."""
    try:
        yield
    except Unreachable as error:
        exits.fail(exits.STORE_UNAVAILABLE, f"{url}: {plain(str(error))}")
    except Refused as error:
        exits.fail(_STATUSES.get(error.status, exits.REFUSED), plain(str(error)))
    except Ended as error:
        exits.fail(exits.REFUSED, f"the conversation has ended: {plain(str(error))}")
