"""What `chat` and `send` share, as clients of a server: the check of its URL, the stored login, the choice of a room, errors."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import click

from reichatd.cli import exit_status
from reichatd.hosts import is_local
from reichatd.terminal.client import LoggedOut, RoomChoice, ServerClient, ServerRefused, Unreachable
from reichatd.terminal.conversation import Ended
from reichatd.terminal.logins import Logins
from reichatd.terminal.rooms import find_rooms
from reichatd.terminal.transcript import plain

T = TypeVar("T")

insecure_option = click.option(
    "--insecure",
    is_flag=True,
    help="Allow http:// to another machine, where others on the network can read everything.",
)

_STATUSES = {403: exit_status.NOT_PERMITTED, 429: exit_status.TRY_AGAIN}


def checked(url: str, *, insecure: bool) -> str:
    """The URL of a server, without a slash at its end. Refuses one to which a password must not be sent."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise click.UsageError(f"URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise click.UsageError("URL must be http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.scheme == "http" and not insecure and not is_local(host):
        raise click.UsageError("others can read http:// to another machine; use https://, or give --insecure")
    return url.rstrip("/")


def with_stored_login(url: str, logins: Logins, key: str | None = None) -> ServerClient:
    """A client of the server, with the login that is stored under this key, if there is one.

    Arguments:
        key: None for the URL.
    """
    return ServerClient(url, logins.of(key or url), partial(logins.save, key or url))


async def after_login(
    server: ServerClient, log_in: Callable[[], Awaitable[None]], call: Callable[[], Awaitable[T]], *, is_needed: bool
) -> T:
    """The result of `call`. Logs in before it if that is needed, or when the server says that the login session is over.

    Arguments:
        is_needed: whether to log in even if there is a login.
    """
    if server.login is None or is_needed:
        await log_in()
    try:
        return await call()
    except LoggedOut:
        await log_in()
        return await call()


async def find_room(server: ServerClient, name: str) -> RoomChoice:
    """The room with this id, or else with this name among the joined and public rooms. The user need not be a member.

    Ends the program if there is no such room, or more than one.

    Raises: LoggedOut, ServerRefused, Unreachable.
    """
    joined = await server.rooms("joined")
    if by_id := next((room for room in joined if room.room_id == name), None):
        return by_id
    try:
        return await server.room(name)  # also a private room, which no list contains
    except ServerRefused as refusal:
        # A token for certain rooms may not look at others; among those in its list one may have this name.
        if refusal.status != 404 and refusal.code != "insufficient_scope":
            raise
    found = find_rooms([*joined, *(room for room in await server.rooms("public") if room not in joined)], name)
    if not found:
        exit_status.fail(exit_status.NOT_FOUND, plain(f"no room has the id or the name {name}"))
    if len(found) > 1:
        ids = ", ".join(room.room_id for room in found)
        exit_status.fail(exit_status.REFUSED, plain(f"several rooms are called {name}; give the id of one: {ids}"))
    return found[0]


@contextmanager
def server_errors_reported(url: str) -> Iterator[None]:
    """Ends the program with a line and an exit status if the server does not answer, or refuses."""
    try:
        yield
    except Unreachable as error:
        exit_status.fail(exit_status.STORE_UNAVAILABLE, f"{url}: {plain(str(error))}")
    except ServerRefused as error:
        status = _STATUSES.get(error.status) or exit_status.of_refusal(error.status)
        exit_status.fail(status, plain(str(error)))
    except Ended as error:
        exit_status.fail(exit_status.REFUSED, f"the conversation has ended: {plain(str(error))}")
