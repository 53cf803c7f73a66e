"""The audit log, and the size of a store."""

import msgspec

from reichatd.store.records.base import Record


class AuditEntry(Record, frozen=True, tag="audit"):
    """One entry of the audit log. It has no content of messages.

    Arguments:
        number: grows with each entry; given by the store.
        event: a name of `reichatd.audit.Event`.
        actor: the id of the user who did it; "" for a stranger, "administrator" for an administrator.
        user_id, room_id: the target, and the room; "" without one.
        address: the client's address; "" if there is none, or since it was removed.
        detail: a word or two, such as a reason.
    """

    number: int
    at: float
    event: str
    actor: str
    user_id: str = ""
    room_id: str = ""
    address: str = ""
    detail: str = ""


CLOCK_SETBACK = 3600.0
"""Seconds by which a clock may be set back before the search for entries since a time may miss some.

An hour is what a clock that is set by hand goes back in autumn. More would make each search longer.
"""


class AuditFilter(msgspec.Struct, frozen=True):
    """Which audit entries to read.

    Arguments:
        after, before: only numbers between these, both excluded.
        since: none that are older, in seconds since the epoch. Without `after`, entries from before a clock was set back by
            more than `CLOCK_SETBACK` may be missing.
        user_id: only those that this user did, or that were done to this user; "" for all.
        room_id: only those in this room; "" for all.
    """

    after: int = 0
    before: int = 2**62
    since: float = 0.0
    user_id: str = ""
    room_id: str = ""
    newest_first: bool = False


class Totals(msgspec.Struct, frozen=True):
    """How much a store holds. `registrations` counts addresses, however many registrations they have.

    `sessions` and `messages` may include ended sessions and deleted messages that are still to be removed.
    """

    users: int
    registrations: int
    sessions: int
    rooms: int
    messages: int
    bytes: int
    """On the disk, as the file system or the server counts it."""
