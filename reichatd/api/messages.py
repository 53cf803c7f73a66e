"""The conversation in a room."""

from msgspec import UNSET, UnsetType
from quart import Blueprint, Response, request

from reichatd.api.answers import HEADERS, answer
from reichatd.api.operations import operation
from reichatd.api.requests import body_of, messenger, query_of
from reichatd.api.services import limits, messaging
from reichatd.api.streamed import streamed
from reichatd.api.types import (
    Answer,
    ChangeMade,
    EditingMessage,
    EventsQuery,
    MarkingRead,
    MessagePage,
    MessagePosted,
    MessagesPage,
    PinnedMessages,
    PostingMessage,
    Reactor,
    Reactors,
    ReactorsPage,
)
from reichatd.errors import (
    Conflict,
    EditTooLate,
    FieldProblem,
    Forbidden,
    Malformed,
    MessageDeleted,
    MessageNotFound,
    Muted,
    OtherLog,
    RateLimited,
    RoomNotFound,
    TooManyPins,
    TooManyReactions,
)
from reichatd.messaging import After, Before, Between, Draft, PageQuery
from reichatd.rights import Scope

blueprint = Blueprint("messages", __name__)

_MESSAGES = "/room/<room_id>/messages"
_MESSAGE = f"{_MESSAGES}/<message_id>"
_REACTION = f"{_MESSAGE}/reactions/<emoji>"
_USUAL_LIMIT = 100
"""Messages or users in a page for which no number is asked."""
_LONGEST_ID = 10
"""Digits of the largest message id."""
_LONGEST_CURSOR = 27
"""Characters of the longest id of an event: a message id, a dot, a `change_id`."""


@blueprint.post(_MESSAGES)
@operation(
    MessagePosted,
    201,
    takes=PostingMessage,
    headers={"Idempotency-Key": "The nonce, if the body has none."},
    scope=Scope.WRITE,
    otherwise={200: MessagePosted},
    refuses=(Forbidden, Muted, RoomNotFound, MessageNotFound, RateLimited),
)
async def post(room_id: str) -> Response:
    """Posts a message.

    The answer comes when it is on disk. Give each message its own nonce, and send it again with the same nonce until there is an
    answer: it is stored once, and status 200 says that an earlier call has stored it.
    """
    by, body = await messenger(), await body_of(PostingMessage)
    nonce = request.headers.get("Idempotency-Key") if body.nonce is None else body.nonce
    draft = Draft(body.content, nonce, body.reply_to, body.mentions, body.mention_room)
    posted = await messaging().post(by, room_id, draft)
    return answer(MessagePosted(message_id=posted.message_id), 201 if posted.is_new else 200)


@blueprint.get(_MESSAGES)
@operation(MessagePage, query=MessagesPage, scope=Scope.READ, refuses=(Forbidden, RoomNotFound, OtherLog, RateLimited))
async def list_messages(room_id: str) -> Response:
    """Shows messages: those of a range of ids, those before or after an id, or the last ones.

    A page after an id may have fewer messages than `limit` also where there are more, if they are long: compare with `last_id`.

    With `wait` (a long poll) the answer comes when there is something, at once or later; after that time it is empty. It is empty
    too when you may not read on: the next call says why.
    """
    by, page = await messenger(), query_of(MessagesPage)
    query = _page_query(page)
    if page.wait and request.method != "HEAD":
        found = await messaging().poll(by, room_id, query, page.wait)
    else:
        found = await messaging().page(by, room_id, query)
    return streamed(found, "application/json")


@blueprint.get("/room/<room_id>/events")
@operation(
    "text/event-stream",
    query=EventsQuery,
    headers={"Last-Event-ID": "The id of the last event that you got: goes on after it."},
    scope=Scope.READ,
    refuses=(Forbidden, RoomNotFound, OtherLog, RateLimited),
)
async def follow(room_id: str) -> Response:
    """Sends each new message and each change as a Server-Sent Event, until you go.

    The data of an event is a frame of the WebSocket: `latest_message`, `message_changed` or `reactions_changed`. Its id is
    `<message_id>.<change_id>`: how far you have read when you have it. A comment comes every 20 seconds.

    When the stream ends, call again with `Last-Event-ID`. If you may not read on, that call says why.
    """
    by, query = await messenger(), query_of(EventsQuery)
    after_id = None if query.after_id is UNSET else query.after_id
    after_change = None if query.after_change is UNSET else query.after_change
    if (last := request.headers.get("Last-Event-ID")) is not None:
        after_id, after_change = _cursor(last)
    later = await messaging().follow(by, room_id, after_id, after_change, None if query.log is UNSET else query.log)
    return streamed(later, "text/event-stream", {"X-Accel-Buffering": "no"})


@blueprint.patch(_MESSAGE)
@operation(
    ChangeMade,
    takes=EditingMessage,
    scope=Scope.WRITE,
    refuses=(Forbidden, Muted, EditTooLate, RoomNotFound, MessageNotFound, MessageDeleted, Conflict, RateLimited),
)
async def edit(room_id: str, message_id: str) -> Response:
    """Gives a message of yours a new content, within the time that the operator allows."""
    by, body = await messenger(), await body_of(EditingMessage)
    change_id = await messaging().edit(
        by, room_id, _message_id(message_id), body.content, mentions=body.mentions, if_change=body.if_change
    )
    return answer(ChangeMade(change_id=change_id))


@blueprint.delete(_MESSAGE)
@operation(ChangeMade, scope=Scope.WRITE, refuses=(Forbidden, RoomNotFound, MessageNotFound, RateLimited))
async def delete(room_id: str, message_id: str) -> Response:
    """Deletes a message: one of yours, or as owner or moderator any.

    The message keeps its id; its content is gone. A token for programs needs the scope `moderate` for messages of others.
    """
    return answer(ChangeMade(change_id=await messaging().delete(await messenger(), room_id, _message_id(message_id))))


@blueprint.put(_REACTION)
@operation(
    ChangeMade,
    scope=Scope.WRITE,
    refuses=(
        Forbidden,
        Muted,
        RoomNotFound,
        MessageNotFound,
        MessageDeleted,
        TooManyReactions,
        Malformed,
        RateLimited,
    ),
)
async def add_reaction(room_id: str, message_id: str, emoji: str) -> Response:
    """Reacts to a message with an emoji."""
    return await _react(room_id, message_id, emoji, is_set=True)


@blueprint.delete(_REACTION)
@operation(
    ChangeMade,
    scope=Scope.WRITE,
    refuses=(Forbidden, Muted, RoomNotFound, MessageNotFound, MessageDeleted, Malformed, RateLimited),
)
async def remove_reaction(room_id: str, message_id: str, emoji: str) -> Response:
    """Takes your reaction back."""
    return await _react(room_id, message_id, emoji, is_set=False)


async def _react(room_id: str, message_id: str, emoji: str, *, is_set: bool) -> Response:
    change_id = await messaging().react(await messenger(), room_id, _message_id(message_id), emoji, is_set=is_set)
    return answer(ChangeMade(change_id=change_id))


@blueprint.get(_REACTION)
@operation(Reactors, query=ReactorsPage, scope=Scope.READ, refuses=(Forbidden, RoomNotFound, MessageNotFound))
async def list_reactors(room_id: str, message_id: str, emoji: str) -> Response:
    """Lists who reacted to a message with an emoji, in pages ordered by user id.

    The next page begins after the last user of this one. A page with fewer users than `limit` is the last.
    """
    by, page = await messenger(), query_of(ReactorsPage)
    found = await messaging().reactors(by, room_id, _message_id(message_id), emoji, page.after, _limit(page.limit))
    return answer(Reactors(users=[Reactor(user_id=each.user_id, username=each.username) for each in found]))


@blueprint.put(f"{_MESSAGE}/pin")
@operation(
    ChangeMade,
    scope=Scope.WRITE,
    refuses=(Forbidden, Muted, RoomNotFound, MessageNotFound, MessageDeleted, TooManyPins, RateLimited),
)
async def pin(room_id: str, message_id: str) -> Response:
    """Pins a message: for the owner and moderators, and for members where the room lets them.

    A token for programs needs the scope `moderate` where members may not.
    """
    return await _pin(room_id, message_id, is_set=True)


@blueprint.delete(f"{_MESSAGE}/pin")
@operation(
    ChangeMade,
    scope=Scope.WRITE,
    refuses=(Forbidden, Muted, RoomNotFound, MessageNotFound, MessageDeleted, RateLimited),
)
async def unpin(room_id: str, message_id: str) -> Response:
    """Takes the pin off a message."""
    return await _pin(room_id, message_id, is_set=False)


async def _pin(room_id: str, message_id: str, *, is_set: bool) -> Response:
    change_id = await messaging().pin(await messenger(), room_id, _message_id(message_id), is_set=is_set)
    return answer(ChangeMade(change_id=change_id))


@blueprint.get("/room/<room_id>/pins")
@operation(PinnedMessages, scope=Scope.READ, refuses=(Forbidden, RoomNotFound))
async def list_pins(room_id: str) -> Response:
    """Shows the pinned messages."""
    pinned = await messaging().pins(await messenger(), room_id)
    return Response(b'{"message":"ok","messages":%b}' % pinned, 200, HEADERS, content_type="application/json")


@blueprint.put("/room/<room_id>/last_read")
@operation(Answer, takes=MarkingRead, scope=Scope.WRITE, refuses=(Forbidden, RoomNotFound))
async def mark_read(room_id: str) -> Response:
    """Says how far you have read: up to this message, or to the end of the log. The mark moves forward only."""
    by, body = await messenger(), await body_of(MarkingRead)
    await messaging().mark_read(by, room_id, body.message_id)
    return answer()


def _message_id(text: str) -> int:
    """The id in a path. Raises MessageNotFound if it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID):
        raise MessageNotFound
    return int(text)


def _cursor(text: str) -> tuple[int, int]:
    """The ids in an event's id. Raises Malformed."""
    message_id, _, change_id = text.partition(".")
    if not (message_id.isdecimal() and change_id.isdecimal() and text.isascii() and len(text) <= _LONGEST_CURSOR):
        raise _malformed("Last-Event-ID", "is no id of an event")
    return int(message_id), int(change_id)


def _page_query(page: MessagesPage) -> PageQuery:
    """Raises Malformed if the parameters do not fit together."""
    return PageQuery(_which(page), None if page.log is UNSET else page.log, page.mine)


def _which(page: MessagesPage) -> Between | Before | After:
    if page.from_id is not UNSET or page.to_id is not UNSET:
        _refuse_others(page, "from_id", "before_id", "after_id", "after_change")
        _refuse_wait(page)
        return _between(page)
    if page.after_id is not UNSET:
        _refuse_others(page, "after_id", "before_id")
        return After(page.after_id, None if page.after_change is UNSET else page.after_change, _limit(page.limit))
    _refuse_others(page, "before_id", "after_change")
    _refuse_wait(page)
    return Before(None if page.before_id is UNSET else page.before_id, _limit(page.limit))


def _between(page: MessagesPage) -> Between:
    if page.from_id is UNSET:
        raise _malformed("from_id", "is missing")
    if page.to_id is UNSET:
        raise _malformed("to_id", "is missing")
    if page.to_id - page.from_id >= limits().fetch_ids:
        raise _malformed("to_id", f"at most {limits().fetch_ids} ids in one page")
    return Between(page.from_id, page.to_id)


def _limit(asked: int | UnsetType) -> int:
    most = limits().fetch_ids
    if asked is UNSET:
        return min(_USUAL_LIMIT, most)
    if asked > most:
        raise _malformed("limit", f"at most {most}")
    return asked


def _refuse_others(page: MessagesPage, name: str, *others: str) -> None:
    for other in others:
        if getattr(page, other) is not UNSET:
            raise _malformed(other, f"does not go with {name}")


def _refuse_wait(page: MessagesPage) -> None:
    if page.wait:
        raise _malformed("wait", "goes with after_id only")


def _malformed(field: str, problem: str) -> Malformed:
    return Malformed(f"{field}: {problem}", [FieldProblem(field, problem)])
