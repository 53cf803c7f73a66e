"""The screen: the conversation, a status line, an input line.

prompt_toolkit runs on asyncio, the conversation on Trio. Trio runs in guest mode on asyncio's loop: there is one thread.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.layout import (
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    Window,
)
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import TextArea

from reichatd.terminal import commands, frames, references
from reichatd.terminal.actions import Actions
from reichatd.terminal.client import LoggedOut, ServerClient
from reichatd.terminal.conversation import Conversation, Ended, Outcome
from reichatd.terminal.frames import encodable
from reichatd.terminal.transcript import Transcript, plain

if TYPE_CHECKING:
    import outcome

_TYPING_SECONDS = 3.0
"""How often the server is told that the user types; it forgets after 6 s."""
_NAMING_MESSAGES = 500
"""The last messages, whose authors are known by name."""
_HELP = "/help  Ctrl+D: leave"
_NO_UTF8 = "what was not UTF-8 is \ufffd now"
_STYLE = Style.from_dict(
    {
        "time": "ansibrightblack",
        "name": "bold",
        "pending": "ansibrightblack italic",
        "rule": "ansibrightblack",
        "unread": "ansiyellow",
        "meta": "ansibrightblack",
        "mention": "bold ansiyellow",
        "status": "reverse",
        "offline": "bold",
    }
)


def run(server: ServerClient, room_id: str, title: str, max_characters: int, *, shows_typing: bool = False) -> None:
    """Shows a conversation until the user leaves it. Blocks; runs asyncio and Trio.

    Arguments:
        server: closed at the end.
        title: the name of the room.
        max_characters: how many a message may have on this server.
        shows_typing: whether to see who types, and to show others that this user does.

    Raises:
        Ended, LoggedOut: reconnecting is useless.
    """
    asyncio.run(_Screen(server, room_id, title, max_characters, shows_typing=shows_typing).run())


class _Screen:
    def __init__(
        self, server: ServerClient, room_id: str, title: str, max_characters: int, *, shows_typing: bool
    ) -> None:
        self._title = plain(title)
        self._server = server
        self._max_characters = max_characters
        self._list: Sequence[str] = ()  # shown below the conversation
        self._typed_at = -math.inf  # when the server was last told, in Trio's time
        self._trio_scope = trio.CancelScope()
        self._input = TextArea(multiline=False, prompt="> ", accept_handler=self._accept)
        self._application: Application[None] = Application(style=_STYLE, key_bindings=self._keys(), full_screen=True)
        self._conversation = Conversation(
            server, room_id, self._application.invalidate, self._settled, shows_typing=shows_typing
        )
        self._actions = Actions(server, self._conversation, room_id, self._show_list, self._fill_input)
        self._transcript = Transcript(self._conversation)
        self._view = _View(self._transcript)
        status = Window(FormattedTextControl(self._status), height=1, style="class:status")
        self._input.buffer.on_text_changed += self._make_encodable
        self._input.buffer.on_text_changed += self._notice_typing
        list_text = Window(FormattedTextControl(lambda: "\n".join(self._list)), height=lambda: len(self._list))
        list_window = ConditionalContainer(list_text, Condition(lambda: bool(self._list)))
        self._application.layout = Layout(HSplit([Window(self._view), list_window, status, self._input]), self._input)

    async def run(self) -> None:
        """Runs on asyncio; starts Trio's run and waits for its end."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[outcome.Outcome[None]] = loop.create_future()
        ended.add_done_callback(lambda _: self._leave())
        trio.lowlevel.start_guest_run(
            self._converse,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
            host_uses_signal_set_wakeup_fd=True,
        )
        # The conversation's methods must be called in Trio.
        self._call_in_trio = trio.lowlevel.current_trio_token().run_sync_soon
        try:
            await self._application.run_async()
        finally:
            with suppress(trio.RunFinishedError):
                self._call_in_trio(self._trio_scope.cancel)
            result = await ended
        result.unwrap()

    async def _converse(self) -> None:
        """Trio's main task."""
        with self._trio_scope:
            async with self._server:
                await self._serve()

    async def _serve(self) -> None:
        """Runs the conversation, and the commands beside it. Raises Ended, LoggedOut."""
        end: Exception | None = None
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await self._conversation.run()
            except (Ended, LoggedOut) as error:
                end = error
            nursery.cancel_scope.cancel()
        if end is not None:
            raise end

    def _leave(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _accept(self, buffer: Buffer) -> bool:
        """Executes the line; returns whether the line stays in the input."""
        self._list = ()
        match commands.parse(buffer.text, self._max_characters):
            case commands.PostMessage(content):
                self._transcript.scrolled = 0
                self._call_in_trio(partial(self._conversation.post, content))
            case commands.Help():
                self._list = commands.HELP
            case commands.Quit():
                self._leave()
            case commands.InputRefused(reason):
                self._call_in_trio(partial(self._conversation.show, reason))
                return True
            case commands.EmptyLine():
                pass
            case action:
                self._call_in_trio(partial(self._carry_out, action))
        return False

    def _carry_out(self, action: commands.Action) -> None:
        self._nursery.start_soon(self._actions.carry_out, action)

    def _show_list(self, lines: Sequence[str]) -> None:
        self._list = [plain(line) for line in lines]
        self._application.invalidate()

    def _fill_input(self, text: str) -> None:
        self._input.document = Document(text)

    def _notice_typing(self, buffer: Buffer) -> None:
        """Shows the numbers of messages while the user types one, and others that this user types."""
        self._transcript.numbered = commands.names_messages(buffer.text)
        if self._conversation.shows_typing and buffer.text and not buffer.text.startswith("/"):
            self._call_in_trio(self._say_typing)

    def _say_typing(self) -> None:
        conversation = self._conversation
        if conversation.is_online and conversation.log and trio.current_time() - self._typed_at > _TYPING_SECONDS:
            self._typed_at = trio.current_time()
            conversation.send(frames.SendTyping())

    def _settled(self, outcome: Outcome) -> None:
        """Puts a refused message back into the input, unless the user types another one; the input history has it in any case."""
        if outcome.refusal and not self._input.text:
            number = references.short(outcome.reply_to, self._conversation.last_id)
            command = f"/reply {number} " if outcome.reply_to else "/" if outcome.content.startswith("/") else ""
            self._fill_input(command + outcome.content)

    def _make_encodable(self, buffer: Buffer) -> None:
        text = encodable(buffer.text)
        if text != buffer.text:
            buffer.document = Document(text, buffer.cursor_position)
            self._call_in_trio(partial(self._conversation.show, _NO_UTF8))

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        def bind(action: Callable[[], object], *names: str) -> None:
            def handler(_: KeyPressEvent) -> None:
                action()

            for name in names:
                keys.add(name)(handler)

        bind(self._leave, "c-d", "c-c")
        bind(self._hide_list, "escape")
        bind(lambda: self._scroll(1), "pageup")
        bind(lambda: self._scroll(-1), "pagedown")
        return keys

    def _hide_list(self) -> None:
        self._list = ()

    def _scroll(self, pages: int) -> None:
        self._transcript.scrolled = max(0, self._transcript.scrolled + pages * max(1, self._view.height - 1))
        self._call_in_trio(self._ask_earlier)

    def _ask_earlier(self) -> None:
        if self._transcript.reached_top:
            self._conversation.ask_earlier()

    def _status(self) -> StyleAndTextTuples:
        conversation, waiting = self._conversation, len(self._conversation.pending)
        # A long reason may not fit: the number of waiting messages comes first.
        offline_waiting = f"{waiting} waiting · " if waiting else ""
        state = "online" if conversation.is_online else f"{offline_waiting}offline: {conversation.offline_reason}"
        parts = [f"{waiting} waiting"] if waiting and conversation.is_online else []
        parts += [plain(conversation.notice)] if conversation.notice else []
        parts += [f"{self._typists()} …"] if conversation.typing else []
        parts += ["↓ more below"] if self._transcript.scrolled else []
        style = "" if conversation.is_online else "class:offline"
        return [(style, f" {self._title} · {plain(state)}"), ("", "".join(f" · {part}" for part in parts or [_HELP]))]

    def _typists(self) -> str:
        """The names of those who type; of someone who has not written yet there is none."""
        names = {message.user_id: message.username for message in self._conversation.messages[-_NAMING_MESSAGES:]}
        return ", ".join(plain(names.get(user_id, "someone")) for user_id in self._conversation.typing)


class _View(UIControl):
    """Shows the transcript. `height` is the height in lines at the last redraw."""

    def __init__(self, transcript: Transcript) -> None:
        self.height = 0
        self._transcript = transcript

    def create_content(self, width: int, height: int) -> UIContent:
        self.height = height
        lines = self._transcript.lines(width, height)
        # A short transcript is at the bottom.
        lines = [[] for _ in range(height - len(lines))] + lines
        return UIContent(get_line=lines.__getitem__, line_count=height, show_cursor=False)
