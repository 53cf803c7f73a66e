"""Passes on the outcomes of a commit: to the live rooms, and to those who have asked for it. Nothing here waits."""

from collections.abc import Sequence
from itertools import groupby

from reichatd.chat import frames, refusals
from reichatd.chat.pending import LiveRooms, PendingChange, PendingPost
from reichatd.settings import EmailVisibility
from reichatd.store import PLAIN, Appended, Changed, ChangeOutcome, Committed, Delete, Extras, Message, Outcome, Post


def publish(rooms: LiveRooms, posts: Sequence[PendingPost], committed: Committed, emails: EmailVisibility) -> None:
    """Passes on what is durable: messages, then changes, so that no change comes before its message."""
    keys = committed.log_keys
    posted: dict[str, list[tuple[int, bytes]]] = {}
    mentioning: list[tuple[Post, Appended]] = []
    for each, answer in zip(posts, committed.posts, strict=True):
        if answer.outcome is Outcome.STORED:
            frame = frames.latest_message(frames.as_json(_stored(each, answer), emails))
            posted.setdefault(each.post.room_id, []).append((answer.message_id, frame))
            if answer.mentions or each.post.mention_room:
                mentioning.append((each.post, answer))
        elif answer.outcome is Outcome.REPEATED:
            rooms.reaches(each.post.room_id, answer.message_id, keys.get(each.post.room_id, ""))
    for room_id, entries in posted.items():
        rooms.publish(room_id, entries, keys.get(room_id, ""))
    for room_id, changes in groupby(committed.changed, lambda each: each.room_id):
        rooms.change(room_id, list(changes), committed.changed_keys.get(room_id, ""))
    if committed.read_marks:
        rooms.marks_moved(committed.read_marks)
    for post, answer in mentioning:
        rooms.mentioned(post.room_id, answer.message_id, post.user_id, answer.mentions, everyone=post.mention_room)
    for changed in committed.changed:
        if changed.mentioned:
            message = changed.message
            rooms.mentioned(changed.room_id, message.message_id, message.user_id, changed.mentioned, everyone=False)


def answer_all(
    posts: Sequence[PendingPost], changes: Sequence[PendingChange], committed: Committed, now: float
) -> None:
    """Tells those who have posted or changed something the outcome.

    Arguments:
        now: seconds since the epoch.
    """
    for post, appended in zip(posts, committed.posts, strict=True):
        if appended.outcome is Outcome.STORED:  # most are
            post.reply.accept(appended.message_id, None, is_new=True)
        elif (error := refusals.of_post(appended, now)) is None:
            post.reply.accept(appended.message_id, None, is_new=not post.is_named)
        else:
            post.reply.refuse(error)
    for change, changed in zip(changes, committed.changes, strict=True):
        _answer_change(change, changed)


def _answer_change(pending: PendingChange, answer: Changed) -> None:
    change, reply = pending.change, pending.reply
    if (error := refusals.of_change(answer)) is not None:
        reply.refuse(error)
    else:
        message_id = change.message_ids[0] if isinstance(change, Delete) else change.message_id
        reply.accept(message_id, answer.change_id, is_new=answer.outcome is ChangeOutcome.CHANGED)


def _stored(pending: PendingPost, answer: Appended) -> Message:
    """The message that a post became."""
    post, user = pending.post, pending.reply.user
    extras = PLAIN
    if post.reply_to or answer.mentions or post.mention_room:
        extras = Extras(reply_to=post.reply_to, mentions=answer.mentions, mention_room=post.mention_room)
    return Message(
        answer.message_id,
        user.user_id,
        user.username,
        user.email,
        post.content,
        post.timestamp,
        shares_room=not answer.in_direct,
        extras=extras,
    )
