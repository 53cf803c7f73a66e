"""What a change does to a message, and who may make it: what the group commit decides, in every store alike. Pure.

Reactions are rows of their own, one for each user and emoji, so that two users who react at once do not overwrite each other. The
message has a summary of them, which is counted again in each commit that touches them.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reichatd.store.posting import Author
from reichatd.store.records import (
    ERASED,
    PLAIN,
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Delete,
    DeletedBy,
    Edit,
    Extras,
    Message,
    Pin,
    Pinned,
    React,
    Reaction,
)

EVERYONE = ""
"""Stands for all members where a store keeps the user ids of those who are mentioned."""


def author_of(change: Change, member: Author | None) -> Author | None:
    """Who makes a change; None for a user who is not a member of the room.

    Arguments:
        member: the member with the change's `user_id`; None if there is none.
    """
    if isinstance(change, Delete) and change.by_administrator:
        return Author(is_owner=True)  # an administrator may delete what an owner may
    return member


def applied(
    change: Edit | Delete | Pin, message: Message, author: Author, mentions: tuple[str, ...] = ()
) -> Message | Changed:
    """The message as a change makes it, the same one if the change has no effect; or why the change is refused.

    Arguments:
        author: see `author_of`.
        mentions: of an edit, the users that the new content mentions.
    """
    match change:
        case Edit():
            new = edited(message, change, mentions)
            has_effect = new is not message or message.extras.deleted is not None
        case Delete():
            new = deleted(message, deleted_by(message, change))
            has_effect = new is not message
        case Pin():
            new = pinned(message, change)
            has_effect = new is not message
    return (refusal(change, message, author) or new) if has_effect else message


def refusal(change: Change, message: Message, author: Author) -> Changed | None:
    """Why a member may not change a message so; None if nothing is against it. A change without effect is not to be refused.

    Arguments:
        author: see `author_of`.
    """
    if isinstance(change, Delete):
        may = message.user_id == change.user_id or (author.leads and not change.own_only)
        return None if may else Changed(ChangeOutcome.FORBIDDEN)
    if author.is_blocked:
        return Changed(ChangeOutcome.BLOCKED)
    if author.is_muted(change.at):
        return Changed(ChangeOutcome.MUTED, until=author.muted_until)
    match change:
        case Edit() if message.user_id != change.user_id:
            return Changed(ChangeOutcome.FORBIDDEN)
        case Pin() if not (author.members_may_pin if change.as_member else author.may_pin):
            return Changed(ChangeOutcome.FORBIDDEN)
    if message.extras.deleted is not None:
        return Changed(ChangeOutcome.DELETED)
    if isinstance(change, Edit):
        if message.timestamp < change.since:
            return Changed(ChangeOutcome.TOO_LATE)
        if change.if_change is not None and change.if_change != message.change_id:
            return Changed(ChangeOutcome.CONFLICT)
    return None


def reaction_refusal(change: React, *, kinds: Iterable[str], own: int) -> Changed | None:
    """Why a user may not add a further reaction to a message; None if nothing is against it.

    Arguments:
        kinds: the emojis that the message has.
        own: how many of them from this user.
    """
    kinds = set(kinds)
    too_many = own >= change.most_own or (change.emoji not in kinds and len(kinds) >= change.most_kinds)
    return Changed(ChangeOutcome.TOO_MANY_REACTIONS) if too_many else None


def edited(message: Message, change: Edit, mentions: tuple[str, ...]) -> Message:
    """The message with its new content; the same one if the edit changes nothing.

    Arguments:
        mentions: the users that it mentions now.
    """
    if message.extras.deleted or (change.content == message.content and mentions == message.extras.mentions):
        return message
    extras = msgspec.structs.replace(message.extras, edited_at=change.at, mentions=mentions)
    return msgspec.structs.replace(message, content=change.content, extras=extras)


def deleted(message: Message, by: DeletedBy) -> Message:
    """The message without content, reactions, mentions, reply and pin; the same one if it is deleted already."""
    if message.extras.deleted is not None and by != "erased":
        return message
    return msgspec.structs.replace(message, content=ERASED, extras=Extras(deleted=by))


def deleted_by(message: Message, change: Delete) -> DeletedBy:
    """In whose name a message is deleted."""
    return "author" if message.user_id == change.user_id else "moderator"


def pinned(message: Message, change: Pin) -> Message:
    """The message with a pin, or without; the same one if it is so already."""
    if (message.extras.pinned is not None) == change.is_set:
        return message
    pin = Pinned(change.user_id, change.at) if change.is_set else None
    return msgspec.structs.replace(message, extras=with_fields(message.extras, pinned=pin))


def reacted(message: Message, counted: Mapping[str, Reaction | None]) -> Message:
    """The message with the summary of its reactions counted again.

    An emoji keeps its place; a new one comes last.

    Arguments:
        counted: for some emojis their reactions of now; None for those that have none any more.
    """
    reactions: dict[str, Reaction | None] = {reaction.emoji: reaction for reaction in message.extras.reactions}
    reactions.update(counted)
    left = tuple(reaction for reaction in reactions.values() if reaction is not None)
    return msgspec.structs.replace(message, extras=with_fields(message.extras, reactions=left))


def to_notify(extras: Extras) -> Sequence[str]:
    """The users for whom a message counts as a mention: `EVERYONE`, or some user ids."""
    return (EVERYONE,) if extras.mention_room else extras.mentions


def as_changed(room_id: str, before: Message, now: Message) -> ChangedMessage:
    """A message that a commit changed.

    Arguments:
        before, now: the message before and after the commit.
    """
    rest = [(each.content, msgspec.structs.replace(each.extras, reactions=())) for each in (before, now)]
    return ChangedMessage(room_id, now, only_reactions=rest[0] == rest[1], mentioned=added_mentions(before, now))


def added_mentions(before: Message, now: Message) -> tuple[str, ...]:
    """The users whom a message mentions now, and did not before."""
    return tuple(user_id for user_id in now.extras.mentions if user_id not in before.extras.mentions)


def with_fields(extras: Extras, **fields: object) -> Extras:
    """The extras with other values in some fields; `PLAIN` if there is nothing in them any more."""
    new = msgspec.structs.replace(extras, **fields)
    return PLAIN if new == PLAIN else new
