"""The tables [direct] and [privacy]."""

from typing import ClassVar, Literal

from reichatd.settings.tables import Reload, Table

WhoMayBegin = Literal["anyone", "shared_room", "nobody"]
EmailVisibility = Literal["shared_room", "everyone", "nobody"]


class DirectSettings(Table, frozen=True):
    """Direct conversations: rooms of two users, which no third one can enter."""

    reload: ClassVar[Reload] = Reload.APPLIED

    from_: WhoMayBegin = "shared_room"
    """Who may begin a direct conversation with a user: "anyone", a member of a "shared_room", or "nobody". A user that the other
    has blocked may not, in any case. Conversations that exist go on."""


class PrivacySettings(Table, frozen=True):
    """What users see of each other."""

    reload: ClassVar[Reload] = Reload.APPLIED

    emails: EmailVisibility = "shared_room"
    """Who sees a user's e-mail address, in messages and beside the name: members of a "shared_room", everyone who has
    an account ("everyone"), or "nobody". With "shared_room", the messages of a room show the addresses of its members, but not of
    former members. A direct conversation is no shared room. In their own profiles users see their addresses in any case."""
