"""The screen: the conversation, a status line, an input line.

prompt_toolkit runs on asyncio, the conversation on Trio. Trio runs in guest mode on asyncio's loop: there is one thread.
"""

import asyncio
from collections.abc import Callable
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

from reichatd.terminal import commands
from reichatd.terminal.client import ServerClient
from reichatd.terminal.conversation import Conversation, Outcome
from reichatd.terminal.frames import encodable
from reichatd.terminal.transcript import Transcript, plain

if TYPE_CHECKING:
    import outcome

_HELP = "/help  Ctrl+D: leave"
_NO_UTF8 = "what was not UTF-8 is \ufffd now"
_STYLE = Style.from_dict(
    {
        "time": "ansibrightblack",
        "name": "bold",
        "pending": "ansibrightblack italic",
        "rule": "ansibrightblack",
        "unread": "ansiyellow",
        "status": "reverse",
        "offline": "bold",
    }
)


def run(server: ServerClient, room_id: str, title: str, max_characters: int) -> None:
    """Shows a conversation until the user leaves it. Blocks; runs asyncio and Trio.

    Arguments:
        server: closed at the end.
        title: the name of the room.
        max_characters: how many a message may have on this server.

    Raises:
        Ended, LoggedOut: reconnecting is useless.
    """
    asyncio.run(_Screen(server, room_id, title, max_characters).run())


class _Screen:
    def __init__(self, server: ServerClient, room_id: str, title: str, max_characters: int) -> None:
        self._title = plain(title)
        self._server = server
        self._max_characters = max_characters
        self._help_shown = False
        self._trio_scope = trio.CancelScope()
        self._input = TextArea(multiline=False, prompt="> ", accept_handler=self._accept)
        self._application: Application[None] = Application(style=_STYLE, key_bindings=self._keys(), full_screen=True)
        self._conversation = Conversation(server, room_id, self._application.invalidate, self._settled)
        self._transcript = Transcript(self._conversation)
        self._view = _View(self._transcript)
        status = Window(FormattedTextControl(self._status), height=1, style="class:status")
        self._input.buffer.on_text_changed += self._make_encodable
        help_text = Window(FormattedTextControl("\n".join(commands.HELP)), height=len(commands.HELP))
        help_window = ConditionalContainer(help_text, Condition(lambda: self._help_shown))
        self._application.layout = Layout(HSplit([Window(self._view), help_window, status, self._input]), self._input)

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
                await self._conversation.run()

    def _leave(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _accept(self, buffer: Buffer) -> bool:
        """Executes the line; returns whether the line stays in the input."""
        self._help_shown = False
        match commands.parse(buffer.text, self._max_characters):
            case commands.PostMessage(content):
                self._transcript.scrolled = 0
                self._call_in_trio(partial(self._conversation.post, content))
            case commands.Help():
                self._help_shown = True
            case commands.Quit():
                self._leave()
            case commands.InputRefused(reason):
                self._call_in_trio(partial(self._conversation.show, reason))
                return True
        return False

    def _settled(self, outcome: Outcome) -> None:
        """Puts a refused message back into the input, unless the user types another one; the input history has it in any case."""
        if outcome.refusal and not self._input.text:
            self._input.document = Document(outcome.content)

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
        bind(self._hide_help, "escape")
        bind(lambda: self._scroll(1), "pageup")
        bind(lambda: self._scroll(-1), "pagedown")
        return keys

    def _hide_help(self) -> None:
        self._help_shown = False

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
        parts += ["↓ more below"] if self._transcript.scrolled else []
        style = "" if conversation.is_online else "class:offline"
        return [(style, f" {self._title} · {plain(state)}"), ("", "".join(f" · {part}" for part in parts or [_HELP]))]


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
