"""Messages of a room, by REST."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from reichatd.api.types.answers import Answer
from reichatd.api.types.values import Username
from reichatd.messaging import MessageView
from reichatd.messaging.fields import ChangeId, Content, Emoji, FirstId, LogToken, Mentions, MessageId, Nonce
from reichatd.rooms.values import UserId, meta

KnownLog = Annotated[str, meta("The `log` that you know. If it is another one now: 409 `other_log`.", "5f3a9c1e")]

_PAGE = Meta(extra_json_schema={"maximum": "limits.fetch_ids"})


class PostingMessage(Struct, frozen=True):
    """A message to post. With a `nonce` it is stored once, however often it is sent.

    Without `mentions`, each "@name" in the content mentions the members of that name. With `mention_room` it mentions all members:
    the owner and moderators may, and everyone in a small room.
    """

    content: Content
    nonce: Nonce | None = None
    reply_to: MessageId | None = None
    mentions: Mentions | None = None
    mention_room: bool = False


class EditingMessage(Struct, frozen=True):
    """A new content. With `if_change`, only if the message has this `change_id` still (0: never changed); else 409 `conflict`."""

    content: Content
    mentions: Mentions | None = None
    if_change: ChangeId | None = None


class MarkingRead(Struct, frozen=True):
    message_id: MessageId


class MessagesPage(Struct, frozen=True):
    """Which messages: `from_id` with `to_id`; or `before_id`; or `after_id`; or the last ones."""

    from_id: (
        Annotated[int, Meta(description="The first id, together with `to_id`.", examples=[1], ge=-(2**62), le=2**62)]
        | UnsetType
    ) = UNSET
    to_id: Annotated[int, Meta(description="The last id.", examples=[100], ge=-(2**62), le=2**62)] | UnsetType = UNSET
    before_id: (
        Annotated[int, Meta(description="The last messages before this id.", examples=[100], ge=-(2**62), le=2**62)]
        | UnsetType
    ) = UNSET
    after_id: (
        Annotated[int, Meta(description="The first messages after this id.", examples=[42], ge=-(2**62), le=2**62)]
        | UnsetType
    ) = UNSET
    after_change: (
        Annotated[
            int,
            Meta(
                description="With `after_id`: also the messages up to that id that have a greater `change_id`.",
                examples=[7],
                ge=0,
                le=2**53,
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(description="The most messages; else 100.", examples=[100], ge=1), _PAGE] | UnsetType = (
        UNSET
    )
    log: KnownLog | UnsetType = UNSET
    wait: Annotated[
        float,
        Meta(
            description="With `after_id`: seconds to wait where there is nothing yet; at most 30.",
            examples=[30],
            ge=0,
            le=86_400,
        ),
    ] = 0
    mine: Annotated[bool, Meta(description="Whether you want to know your own reactions.", examples=[False])] = False


class EventsQuery(Struct, frozen=True):
    """From where on. The header `Last-Event-ID`, which browsers send when they reconnect, counts more."""

    after_id: (
        Annotated[int, Meta(description="After this message id; else from now on.", examples=[42], ge=0, le=2**62)]
        | UnsetType
    ) = UNSET
    after_change: (
        Annotated[int, Meta(description="After this `change_id`; else from now on.", examples=[7], ge=0, le=2**53)]
        | UnsetType
    ) = UNSET
    log: KnownLog | UnsetType = UNSET


class ReactorsPage(Struct, frozen=True):
    after: Annotated[str, meta("The last user id of the page before.", "65f0c1d2e3a4b5968778695a")] = ""
    limit: Annotated[int, Meta(description="The most users; else 100.", examples=[100], ge=1), _PAGE] | UnsetType = (
        UNSET
    )


class MessagePosted(Answer, frozen=True, kw_only=True):
    """The message is in the log; with status 200 an earlier call with this nonce has put it there."""

    message_id: MessageId


class ChangeMade(Answer, frozen=True, kw_only=True):
    """`change_id` is the number that the message has now."""

    change_id: ChangeId


class MessagePage(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """Messages in the order of their ids. If the last one is before `last_id`, there are more.

    `change_id` is the number to go on from with `after_change`. `changed` has the messages that were changed, in the order of their
    changes, and `mine` your own reactions, by message id. An empty page that you have waited for ends where you are.
    """

    messages: list[MessageView]
    changed: list[MessageView] | UnsetType = UNSET
    first_id: FirstId = 1
    last_id: Annotated[int, Meta(description="Where the log ends; 0 if there never was a message.", examples=[1042])]
    change_id: ChangeId
    log: LogToken
    mine: Annotated[dict[str, list[Emoji]], Meta(examples=[{"42": ["👍"]}])] | UnsetType = UNSET


class PinnedMessages(Answer, frozen=True, kw_only=True):
    """In the order of their ids."""

    messages: list[MessageView]


class Reactor(Struct, frozen=True):
    """A user who reacted; `username` is empty for a deleted user."""

    user_id: UserId
    username: Username


class Reactors(Answer, frozen=True, kw_only=True):
    users: list[Reactor]
