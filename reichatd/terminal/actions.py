"""Carries out the commands for messages and rooms."""

import secrets
from collections.abc import Callable, Sequence

from reichatd.terminal import commands, frames, references
from reichatd.terminal.client import LoggedOut, ServerClient, ServerRefused, Unreachable
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import Message

_MOST_LINES = 12
"""Lines of a list on the screen; the rest is counted."""


class NotDone(Exception):
    """The command cannot be carried out. The text is for a person."""


class Actions:
    """Carries out commands in the room of a conversation. All methods are called in Trio.

    Arguments:
        show: shows a list, one line for each entry.
        fill_input: puts a text into the input.
    """

    def __init__(
        self,
        server: ServerClient,
        conversation: Conversation,
        room_id: str,
        show: Callable[[Sequence[str]], None],
        fill_input: Callable[[str], None],
    ) -> None:
        self._server = server
        self._conversation = conversation
        self._room_id = room_id
        self._show = show
        self._fill_input = fill_input

    async def carry_out(self, command: commands.Action) -> None:
        """Carries out a command; only lists wait for the server. What goes wrong is shown."""
        conversation = self._conversation
        try:
            match command:
                case commands.Reply(number, content):
                    self._require_changes()
                    conversation.post(content, reply_to=self._id(number, own=False))
                case commands.Edit(number, ""):
                    message = self._held(self._id(number, own=True))
                    self._fill_input(
                        f"/edit {references.short(message.message_id, conversation.last_id)} {message.content}"
                    )
                case commands.Edit(number, content):
                    conversation.send(frames.Edit(self._id(number, own=True), content, _nonce()))
                case commands.Delete(numbers):
                    conversation.send(frames.Delete([self._id(number, own=True) for number in numbers], _nonce()))
                case commands.React(number, emoji, is_set):
                    make = frames.React if is_set else frames.Unreact
                    conversation.send(make(self._id(number, own=False), emoji, _nonce()))
                case commands.Unread():
                    self._show_list(await self._unread(), "nothing is unread")
                case commands.Pins():
                    self._show_list(await self._pins(), "no message is pinned")
        except NotDone as error:
            conversation.show(str(error))
        except (ServerRefused, Unreachable) as error:
            conversation.show(str(error) or "this server is too old for that")
        except LoggedOut:
            conversation.show("the login session is over")

    def _require_changes(self) -> None:
        if not self._conversation.log:
            raise NotDone("this server is too old for that, or not reached yet")

    def _id(self, number: str, *, own: bool) -> int:
        """The message of a number; without one, the last message that is the user's own, or of another user."""
        conversation = self._conversation
        if number:
            found = references.resolve(number, conversation.last_id)
        else:
            found = next(
                (
                    message.message_id
                    for message in reversed(conversation.messages)
                    if (message.user_id == conversation.own_id) == own and message.deleted is None
                ),
                None,
            )
        if found is None:
            raise NotDone(f"there is no message {number}" if number else "there is no such message here")
        return found

    def _held(self, message_id: int) -> Message:
        message = self._conversation.find(message_id)
        if message is None:
            raise NotDone("this message is not here yet: PgUp")
        return message

    async def _unread(self) -> list[str]:
        lines = []
        for room in await self._server.unread():
            if room.unread or room.mentions:
                mentions = f", {room.mentions} for you" if room.mentions else ""
                lines.append(f"{room.unread:6,}  {room.name} ({room.room_id}){mentions}")
        return lines

    async def _pins(self) -> list[str]:
        last_id = self._conversation.last_id
        return [
            f"#{references.short(message.message_id, last_id)}  {message.username}  {first_line(message.content)}"
            for message in await self._server.pins(self._room_id)
        ]

    def _show_list(self, lines: list[str], nothing: str) -> None:
        more = len(lines) - _MOST_LINES
        self._show([*lines[:_MOST_LINES], *([f"and {more} more"] if more > 0 else [])] or [nothing])


def first_line(content: str) -> str:
    """The first line of a message that has something in it."""
    return next((line.strip() for line in content.splitlines() if line.strip()), "")


def _nonce() -> str:
    return secrets.token_hex(8)
