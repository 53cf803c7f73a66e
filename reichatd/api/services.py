"""What the handlers work with."""

from typing import cast

import msgspec
from quart import Quart, current_app

from reichatd.accounts import Accounts
from reichatd.rooms import Rooms

_KEY = "reichatd"


class Services(msgspec.Struct, frozen=True):
    """The parts of the daemon that REST calls reach."""

    accounts: Accounts
    rooms: Rooms


def provide(app: Quart, services: Services) -> None:
    """Makes `services` known to the handlers of `app`; once, before it serves."""
    app.extensions[_KEY] = services


def accounts() -> Accounts:
    """The accounts, within a request."""
    return _services().accounts


def rooms() -> Rooms:
    """The rooms, within a request."""
    return _services().rooms


def _services() -> Services:
    return cast("Services", current_app.extensions[_KEY])
