"""The parts of the daemon that the handlers use."""

from typing import cast

import msgspec
from quart import Quart, current_app

from reichatd.accounts import Accounts
from reichatd.api.room_list import RoomLists
from reichatd.health import Health
from reichatd.logo import LiveLogo, Logo
from reichatd.messaging import Messaging
from reichatd.rooms import Rooms
from reichatd.rooms.invites import RoomInvites
from reichatd.settings import LimitSettings, LiveSettings, Settings

_KEY = "reichatd"
_HEALTH = "reichatd.health"
_SETTINGS = "reichatd.settings"


class Services(msgspec.Struct, frozen=True):
    """The parts of the daemon that REST calls reach."""

    accounts: Accounts
    rooms: Rooms
    room_lists: RoomLists
    invites: RoomInvites
    messaging: Messaging
    logo: LiveLogo


def provide(app: Quart, services: Services) -> None:
    """Makes `services` known to the handlers of `app`; once, before it serves."""
    app.extensions[_KEY] = services


def provide_health(app: Quart, health: Health) -> None:
    """As `provide`, for an app that may have nothing else."""
    app.extensions[_HEALTH] = health


def provide_settings(app: Quart, settings: LiveSettings) -> None:
    """As `provide`."""
    app.extensions[_SETTINGS] = settings


def accounts() -> Accounts:
    """The accounts, within a request."""
    return _services().accounts


def rooms() -> Rooms:
    """The rooms, within a request."""
    return _services().rooms


def room_lists() -> RoomLists:
    """The lists of public rooms that are being sent, within a request."""
    return _services().room_lists


def invites() -> RoomInvites:
    """The invitations, within a request."""
    return _services().invites


def logo() -> Logo | None:
    """The logo that the daemon serves, within a request."""
    return _services().logo.current


def messaging() -> Messaging:
    """The conversations, within a request."""
    return _services().messaging


def health() -> Health:
    """The daemon's health, within a request."""
    return cast("Health", current_app.extensions[_HEALTH])


def settings() -> Settings:
    """The settings in force, within a request."""
    return cast("LiveSettings", current_app.extensions[_SETTINGS]).whole


def limits() -> LimitSettings:
    """The limits in force, within a request."""
    return settings().limits


def _services() -> Services:
    return cast("Services", current_app.extensions[_KEY])
