"""Posts one message for a program: sends it again until the server acknowledges or refuses it."""

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
    """The message was sent, but no answer came in time: it may be stored or not. The text is for a person."""


async def until_reached(call: Callable[[], Awaitable[T]], seconds: float) -> T:
    """The result of a call, repeated while the server does not answer or is busy.

    Arguments:
        call: cancelled when the time is over.
        seconds: how long to repeat it.

    Raises: Unreachable or ServerRefused (not in time), and what else the call raises.
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
    """Posts a message; reconnects as often as needed.

    Arguments:
        nonce: "" for a random one. The server stores messages with the same nonce once.
        seconds: how long to wait for the ack.

    Raises: Ended, LoggedOut, Unreachable (it was not sent), NotAcknowledged.
    """
    sender, outcomes = trio.open_memory_channel[Outcome | Ended | LoggedOut](math.inf)
    was_online = False

    def note_online() -> None:
        nonlocal was_online
        was_online = was_online or conversation.offline_reason == ""

    async def converse() -> None:
        try:
            await conversation.run()
        except (Ended, LoggedOut) as end:
            sender.send_nowait(end)

    conversation = Conversation(server, room_id, note_online, sender.send_nowait, listens=False)
    conversation.post(content, nonce)
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
    reason = f"no answer in time ({conversation.offline_reason or conversation.notice or 'not acknowledged'})"
    raise NotAcknowledged(reason) if was_online else Unreachable(reason)
