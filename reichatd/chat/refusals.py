"""Why a post or a change was refused, as an error for the client. Pure."""

from reichatd.errors import (
    Conflict,
    EditTooLate,
    Forbidden,
    MessageDeleted,
    MessageNotFound,
    Muted,
    RateLimited,
    ReichatError,
    RoomNotFound,
    TooManyPins,
    TooManyReactions,
    Unavailable,
)
from reichatd.store import Appended, Changed, ChangeOutcome, Outcome

UNCHANGED = "The change could not be stored; try again later"
_BLOCKED = "This user takes no messages from you"


def of_post(answer: Appended, now: float) -> ReichatError | None:
    """None if the post is stored.

    Arguments:
        now: seconds since the epoch.
    """
    match answer.outcome:
        case Outcome.STORED | Outcome.REPEATED:
            return None
        case Outcome.NO_MEMBER:
            return Forbidden()
        case Outcome.NO_ROOM:
            return RoomNotFound()
        case Outcome.MUTED:
            return Muted(answer.until)
        case Outcome.BLOCKED:
            return Forbidden(_BLOCKED)
        case Outcome.SLOW:
            wait = max(0.001, round(answer.until - now + 0.0005, 3))
            return RateLimited("This room is in slow mode; wait a little", retry_after=wait)
        case Outcome.NO_REPLY_TARGET:
            return MessageNotFound("The message that this one replies to does not exist")
        case Outcome.NO_ROOM_MENTION:
            return Forbidden("Only the owner and moderators may mention everyone in this room")


def of_change(answer: Changed) -> ReichatError | None:
    """None if the messages are as the change wants them."""
    match answer.outcome:
        case ChangeOutcome.CHANGED | ChangeOutcome.UNCHANGED:
            return None
        case ChangeOutcome.NO_ROOM:
            return RoomNotFound()
        case ChangeOutcome.NO_MEMBER:
            return Forbidden()
        case ChangeOutcome.NO_MESSAGE:
            return MessageNotFound()
        case ChangeOutcome.FORBIDDEN:
            return Forbidden("You may not do this to this message")
        case ChangeOutcome.TOO_LATE:
            return EditTooLate()
        case ChangeOutcome.CONFLICT:
            return Conflict("The message was changed meanwhile")
        case ChangeOutcome.DELETED:
            return MessageDeleted()
        case ChangeOutcome.TOO_MANY_REACTIONS:
            return TooManyReactions()
        case ChangeOutcome.TOO_MANY_PINS:
            return TooManyPins()
        case ChangeOutcome.MUTED:
            return Muted(answer.until)
        case ChangeOutcome.BLOCKED:
            return Forbidden(_BLOCKED)
        case ChangeOutcome.FAILED:
            return Unavailable(UNCHANGED)
