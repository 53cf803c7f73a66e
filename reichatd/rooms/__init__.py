"""The use cases of rooms: whatever is done with a room, by REST or by an administrator, is done here."""

from reichatd.rooms.rooms import Rooms

__all__ = ["Rooms"]
