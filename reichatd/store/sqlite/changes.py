"""Changes messages in a write transaction. What a change does, and who may make it, is decided by `reichatd.store.changing`."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from reichatd.store import changing
from reichatd.store.posting import Author
from reichatd.store.records import (
    Change,
    Changed,
    ChangedMessage,
    ChangeOutcome,
    Delete,
    Edit,
    Message,
    Pin,
    React,
)
from reichatd.store.sqlite import mentions, pins, reactions
from reichatd.store.sqlite.batch import Log, Logs
from reichatd.store.sqlite.logs import rowid
from reichatd.store.sqlite.message_rows import as_column, with_ids

_NO_ROOM = Changed(ChangeOutcome.NO_ROOM)
_NO_MEMBER = Changed(ChangeOutcome.NO_MEMBER)
_NO_MESSAGE = Changed(ChangeOutcome.NO_MESSAGE)
_TOO_MANY_PINS = Changed(ChangeOutcome.TOO_MANY_PINS)


class Draft(msgspec.Struct):
    """A message that a batch may change.

    Arguments:
        key: its key in the table of messages.
        before: as it was before the batch.
        now: as it is after the changes so far, but for the summary of its reactions.
        kinds: how many reactions it has with each emoji, after the changes so far.
        recounts: the emojis to be counted again, each with the number of users to be named.
    """

    log: Log
    key: int
    before: Message
    now: Message
    kinds: dict[str, int]
    recounts: dict[str, int] = {}

    @property
    def is_changed(self) -> bool:
        return self.now is not self.before


class Changes:
    """The changes of a batch, after its posts were written. Reactions and pins are written at once, messages by `write`."""

    def __init__(self, db: Connection, logs: Logs) -> None:
        self._db = db
        self._logs = logs
        self._drafts: dict[tuple[int, int], Draft] = {}
        self._changed: list[Draft] = []

    def take_all(self, changes: Sequence[Change]) -> tuple[list[Changed], list[ChangedMessage]]:
        """Makes changes and writes them; returns an answer to each, and the messages that they changed."""
        self._read_for(changes)
        taken = [self._take(change) for change in changes]
        changed = self.write()
        return [answer if isinstance(answer, Changed) else _answer(*answer) for answer in taken], changed

    def read(self, log: Log, message_ids: Sequence[int]) -> list[Draft]:
        """Those of these messages that exist, as drafts. To be called before any of them is changed."""
        drafts = [_draft(log, message) for message in with_ids(self._db, log.pk, message_ids)]
        self._drafts |= {(log.pk, draft.before.message_id): draft for draft in drafts}
        return drafts

    def erase(self, draft: Draft, erased: Message) -> None:
        """Makes a message a deleted one."""
        reactions.remove_all(self._db, draft.key)
        pins.remove(self._db, draft.key)
        draft.kinds.clear()
        draft.recounts.clear()
        self._set(draft, erased)

    def take_back(self, draft: Draft, emoji: str, user_id: str, shown_users: int | None = None) -> None:
        """Removes a reaction, which exists.

        Arguments:
            shown_users: None for as many as are named now.
        """
        reactions.remove(self._db, draft.key, emoji, user_id)
        shown = next((len(each.users) for each in draft.before.extras.reactions if each.emoji == emoji), 0)
        self._recount(draft, emoji, -1, shown if shown_users is None else shown_users)

    def write(self) -> list[ChangedMessage]:
        """Writes the changed messages; returns them room by room."""
        by_room: dict[int, list[Draft]] = {}
        for draft in self._changed:
            self._finish(draft)
            by_room.setdefault(draft.log.pk, []).append(draft)
        self._db.executemany(
            "UPDATE messages SET content = ?, change_id = ?, extras = ? WHERE id = ?",
            [(each.now.content, each.now.change_id, as_column(each.now.extras), each.key) for each in self._changed],
        )
        self._db.executemany(
            "UPDATE rooms SET change_id = ? WHERE pk = ?",
            [(drafts[0].log.change_id, pk) for pk, drafts in by_room.items()],
        )
        return [
            changing.as_changed(each.log.room_id, each.before, each.now)
            for drafts in by_room.values()
            for each in drafts
        ]

    def _read_for(self, changes: Sequence[Change]) -> None:
        message_ids: dict[str, list[int]] = {}
        for change in changes:
            message_ids.setdefault(change.room_id, []).extend(_ids(change))
        for room_id, some in message_ids.items():
            if (log := self._logs.get(room_id)) is not None:
                self.read(log, some)

    def _take(self, change: Change) -> Changed | tuple[ChangeOutcome, list[Draft]]:
        log = self._logs.get(change.room_id)
        if log is None:
            return _NO_ROOM
        member = log.member(change.user_id)
        author = changing.author_of(change, member.author if member else None)
        if author is None:
            return _NO_MEMBER
        keys = [(log.pk, message_id) for message_id in _ids(change)]
        drafts = [self._drafts[key] for key in keys if key in self._drafts]
        if len(drafts) < len(keys):
            return _NO_MESSAGE
        match change:
            case React():
                done = self._react(change, drafts[0], author)
            case Delete():
                done = self._delete(change, drafts, author)
            case Edit():
                done = self._edit(change, drafts[0], author)
            case Pin():
                done = self._pin(change, drafts[0], author)
        if isinstance(done, Changed):
            return done
        return ChangeOutcome.CHANGED if done else ChangeOutcome.UNCHANGED, drafts

    def _react(self, change: React, draft: Draft, author: Author) -> Changed | bool:
        if reactions.exists(self._db, draft.key, change.emoji, change.user_id) == change.is_set:
            return False
        if (refusal := changing.refusal(change, draft.now, author)) is not None:
            return refusal
        if not change.is_set:
            self.take_back(draft, change.emoji, change.user_id, change.shown_users)
            return True
        own = reactions.count_own(self._db, draft.key, change.user_id)
        if (refusal := changing.reaction_refusal(change, kinds=draft.kinds, own=own)) is not None:
            return refusal
        reactions.add(self._db, draft.key, change.emoji, change.user_id, change.at)
        self._recount(draft, change.emoji, 1, change.shown_users)
        return True

    def _delete(self, change: Delete, drafts: list[Draft], author: Author) -> Changed | bool:
        outcomes = [changing.applied(change, draft.now, author) for draft in drafts]
        refusal = next((each for each in outcomes if isinstance(each, Changed)), None)
        if refusal is not None:
            return refusal
        has_effect = False
        for draft, new in zip(drafts, outcomes, strict=True):
            if isinstance(new, Message) and new is not draft.now:
                self.erase(draft, new)
                has_effect = True
        return has_effect

    def _edit(self, change: Edit, draft: Draft, author: Author) -> Changed | bool:
        mentioned = mentions.resolved(self._db, draft.log, change)
        return self._apply(draft, changing.applied(change, draft.now, author, mentioned))

    def _pin(self, change: Pin, draft: Draft, author: Author) -> Changed | bool:
        new = changing.applied(change, draft.now, author)
        if isinstance(new, Message) and new is not draft.now:
            if not change.is_set:
                pins.remove(self._db, draft.key)
            elif pins.count(self._db, draft.log.pk) < change.at_most:
                pins.add(self._db, draft.key)
            else:
                return _TOO_MANY_PINS
        return self._apply(draft, new)

    def _apply(self, draft: Draft, new: Message | Changed) -> Changed | bool:
        if isinstance(new, Changed):
            return new
        has_effect = new is not draft.now
        if has_effect:
            self._set(draft, new)
        return has_effect

    def _set(self, draft: Draft, new: Message) -> None:
        """Keeps a new state of a message, under the one number that it gets in this batch."""
        if not draft.is_changed:
            draft.log.change_id += 1
            new = msgspec.structs.replace(new, change_id=draft.log.change_id)
            self._changed.append(draft)
        draft.now = new

    def _recount(self, draft: Draft, emoji: str, by: int, shown_users: int) -> None:
        draft.kinds[emoji] = draft.kinds.get(emoji, 0) + by
        if draft.kinds[emoji] <= 0:
            del draft.kinds[emoji]
        draft.recounts[emoji] = shown_users
        self._set(draft, draft.now)

    def _finish(self, draft: Draft) -> None:
        if draft.recounts:
            counted = {
                emoji: reactions.counted(self._db, draft.key, emoji, shown) for emoji, shown in draft.recounts.items()
            }
            draft.now = changing.reacted(draft.now, counted)
        mentions.replace(self._db, draft.key, draft.before.extras, draft.now.extras)


def _draft(log: Log, message: Message) -> Draft:
    kinds = {reaction.emoji: reaction.count for reaction in message.extras.reactions}
    return Draft(log, rowid(log.pk, message.message_id), message, message, kinds)


def _ids(change: Change) -> tuple[int, ...]:
    return tuple(dict.fromkeys(change.message_ids)) if isinstance(change, Delete) else (change.message_id,)


def _answer(outcome: ChangeOutcome, drafts: list[Draft]) -> Changed:
    return Changed(outcome, max((draft.now.change_id for draft in drafts), default=0))
