"""The tables [direct], [messages] and [privacy]."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from reichatd.settings.tables import Reload, Table

WhoMayBegin = Literal["anyone", "shared_room", "nobody"]
EmailVisibility = Literal["shared_room", "everyone", "nobody"]


class DirectSettings(Table, frozen=True):
    """Direct conversations: rooms of two users, which no third one can enter."""

    reload: ClassVar[Reload] = Reload.APPLIED

    from_: WhoMayBegin = "shared_room"
    """Who may begin a direct conversation with a user: "anyone", a member of a "shared_room", or "nobody". A user that the other
    has blocked may not, in any case. Conversations that exist go on."""


class MessageSettings(Table, frozen=True):
    """What users may do with messages that they have posted."""

    reload: ClassVar[Reload] = Reload.APPLIED

    edit_hours: Annotated[float, Meta(ge=0, le=1_000_000)] = 24.0
    """For how many hours after posting authors may edit a message. 0: for ever. They may delete it at any time."""


class PrivacySettings(Table, frozen=True):
    """What users see of each other."""

    reload: ClassVar[Reload] = Reload.APPLIED

    emails: EmailVisibility = "shared_room"
    """Who sees a user's e-mail address, in messages and beside the name: members of a "shared_room", everyone who has
    an account ("everyone"), or "nobody". With "shared_room", the messages of a room show the addresses of its members, but not of
    former members. A direct conversation is no shared room. In their own profiles users see their addresses in any case."""
