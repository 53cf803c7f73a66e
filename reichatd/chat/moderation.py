"""What moderators and administrators do to messages, for the audit log."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reichatd.audit import AuditLog, Event
from reichatd.rights import ADMINISTRATOR, Actor, UserActor
from reichatd.store import Change, ChangeOutcome, Committed, Delete, Pin


class Asked(NamedTuple):
    """A change of a commit, and the address of the client that asked for it; "" if there is none."""

    change: Change
    client: str


class Moderated(NamedTuple):
    """An entry of the audit log.

    Arguments:
        author: who wrote the messages; "" for the actor.
    """

    event: Event
    by: Actor
    room_id: str
    author: str
    message_ids: Sequence[int]


def moderated(asked: Sequence[Asked], committed: Committed) -> Iterator[Moderated]:
    """The messages of others that a commit deleted, by author, and the pins that it put on or took off. Pure."""
    messages = {(each.room_id, each.message.message_id): each.message for each in committed.changed}
    for (change, client), answer in zip(asked, committed.changes, strict=True):
        if answer.outcome is not ChangeOutcome.CHANGED:
            continue
        by, room_id = _actor(change, client), change.room_id
        if isinstance(change, Delete):
            authors: dict[str, list[int]] = {}
            for message_id in change.message_ids:
                # Once for each message: another deletion in this commit may have named it, too.
                message = messages.pop((room_id, message_id), None)
                if message is not None and message.user_id != change.user_id:
                    authors.setdefault(message.user_id, []).append(message_id)
            for author, message_ids in authors.items():
                yield Moderated(Event.MESSAGES_DELETED, by, room_id, author, message_ids)
        elif isinstance(change, Pin):
            message = messages.get((room_id, change.message_id))
            author = message.user_id if message is not None and message.user_id != change.user_id else ""
            event = Event.MESSAGE_PINNED if change.is_set else Event.MESSAGE_UNPINNED
            yield Moderated(event, by, room_id, author, [change.message_id])


async def record(audit: AuditLog, entries: Iterator[Moderated]) -> None:
    """Writes the entries. Waits for the store; raises nothing."""
    for event, by, room_id, author, message_ids in entries:
        detail = ", ".join(map(str, message_ids))
        await audit.record(event, by, user_id=author, room_id=room_id, detail=detail)


def _actor(change: Change, client: str) -> Actor:
    if isinstance(change, Delete) and change.by_administrator:
        return ADMINISTRATOR
    return UserActor(change.user_id, "", client)
