"""One message, posted by a program: sent again until the server acknowledges it or refuses it for good."""

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from reichatd.terminal.client import LoggedOut, ServerClient, ServerRefused, Unreachable
from reichatd.terminal.conversation import Conversation, Ended, Outcome

T = TypeVar("T")

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_BUSY = {429, 503}


class NotAcknowledged(Exception):
    """The message was sent, and there was no answer in time: it may be stored or not. The text is for a person."""


async def until_reached(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """The result of a call, repeated while the server does not answer or is busy.

    Arguments:
        call: is cancelled when the time is over.
        seconds: how long to repeat it.

    Raises: Unreachable or Refused (not in time), and what else the call raises.
    """
    last: Exception = Unreachable("it does not answer in time")
    pause = _PAUSE_SECONDS
    with trio.move_on_after(seconds):
        while True:
            try:
                return await call()
            except Unreachable as error:
                last = error
            except ServerRefused as error:
                if error.status not in _BUSY:
                    raise
                last = error
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    raise last


async def deliver(server: ServerClient, room_id: str, content: str, nonce: str, seconds: float) -> Outcome:
    """Posts a message, over as many connections as it takes.

    Arguments:
        nonce: "" for a random one. A repeat with the same nonce is stored once.
        seconds: how long to wait for the ack.

    Raises: Ended, LoggedOut, Unreachable (it was not sent), NotAcknowledged.
    """
    sender, outcomes = trio.open_memory_channel[Outcome | Ended | LoggedOut](math.inf)
    was_online = False

    def note() -> None:
        nonlocal was_online
        was_online = was_online or conversation.trouble == ""

    async def converse() -> None:
        try:
            await conversation.run()
        except (Ended, LoggedOut) as end:
            sender.send_nowait(end)

    conversation = Conversation(server, room_id, note, sender.send_nowait, listens=False)
    conversation.say(content, nonce)
    outcome: Outcome | Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse)
        with trio.move_on_after(seconds):
            outcome = await outcomes.receive()
        nursery.cancel_scope.cancel()
    if isinstance(outcome, Outcome):
        return outcome
    if outcome is not None:
        raise outcome
    why = f"no answer in time ({conversation.trouble or conversation.notice or 'not acknowledged'})"
    raise NotAcknowledged(why) if was_online else Unreachable(why)
