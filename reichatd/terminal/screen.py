"""The screen: the conversation, a line about it, a line to write on.

prompt_toolkit runs on asyncio, the conversation on Trio. Trio is a guest of asyncio's loop, so all of it is one thread.
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


def converse(server: ServerClient, room_id: str, title: str, characters: int) -> None:
    """Shows a conversation until the user leaves it.

    Arguments:
        server: is closed in the end.
        title: what the room is called.
        characters: how many a message may have on this server.

    Raises:
        Ended, LoggedOut: it is no use to go on.
    """
    asyncio.run(_Screen(server, room_id, title, characters).run())


class _Screen:
    def __init__(self, server: ServerClient, room_id: str, title: str, characters: int) -> None:
        self._title = plain(title)
        self._server = server
        self._characters = characters
        self._helping = False
        self._leaving = trio.CancelScope()
        self._input = TextArea(multiline=False, prompt="> ", accept_handler=self._accept)
        self._application: Application[None] = Application(style=_STYLE, key_bindings=self._keys(), full_screen=True)
        self._conversation = Conversation(server, room_id, self._application.invalidate, self._settled)
        self._transcript = Transcript(self._conversation)
        self._view = _View(self._transcript)
        status = Window(FormattedTextControl(self._status), height=1, style="class:status")
        self._input.buffer.on_text_changed += self._make_encodable
        help_text = Window(FormattedTextControl("\n".join(commands.HELP)), height=len(commands.HELP))
        help_window = ConditionalContainer(help_text, Condition(lambda: self._helping))
        self._application.layout = Layout(HSplit([Window(self._view), help_window, status, self._input]), self._input)

    async def run(self) -> None:
        """On asyncio; Trio's run begins and ends within it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[outcome.Outcome[None]] = loop.create_future()
        ended.add_done_callback(lambda _: self._leave())
        trio.lowlevel.start_guest_run(
            self._converse,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
            host_uses_signal_set_wakeup_fd=True,
        )
        # Its functions want to be called from within.
        self._tell_trio = trio.lowlevel.current_trio_token().run_sync_soon
        try:
            await self._application.run_async()
        finally:
            with suppress(trio.RunFinishedError):
                self._tell_trio(self._leaving.cancel)
            result = await ended
        result.unwrap()

    async def _converse(self) -> None:
        """Trio's main task."""
        with self._leaving:
            async with self._server:
                await self._conversation.run()

    def _leave(self) -> None:
        if self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _accept(self, buffer: Buffer) -> bool:
        """Does what the line asks for; returns whether the line is to stay."""
        self._helping = False
        match commands.understood(buffer.text, self._characters):
            case commands.Say(content):
                self._transcript.back = 0
                self._tell_trio(partial(self._conversation.say, content))
            case commands.Help():
                self._helping = True
            case commands.Quit():
                self._leave()
            case commands.InputRefused(why):
                self._tell_trio(partial(self._conversation.refuse, why))
                return True
        return False

    def _settled(self, outcome: Outcome) -> None:
        """Gives back what was refused, unless something else is being typed; from the history it comes back in any case."""
        if outcome.refusal and not self._input.text:
            self._input.document = Document(outcome.content)

    def _make_encodable(self, buffer: Buffer) -> None:
        text = encodable(buffer.text)
        if text != buffer.text:
            buffer.document = Document(text, buffer.cursor_position)
            self._tell_trio(partial(self._conversation.refuse, _NO_UTF8))

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
        self._helping = False

    def _scroll(self, pages: int) -> None:
        self._transcript.back = max(0, self._transcript.back + pages * max(1, self._view.height - 1))
        self._tell_trio(self._ask_earlier)

    def _ask_earlier(self) -> None:
        if self._transcript.reached_top:
            self._conversation.ask_earlier()

    def _status(self) -> StyleAndTextTuples:
        conversation, waiting = self._conversation, len(self._conversation.pending)
        # A long reason may not fit: what waits stands before it.
        offline_waiting = f"{waiting} waiting · " if waiting else ""
        state = f"{offline_waiting}offline: {conversation.trouble}" if conversation.trouble else "online"
        parts = [f"{waiting} waiting"] if waiting and not conversation.trouble else []
        parts += [plain(conversation.notice)] if conversation.notice else []
        parts += ["↓ more below"] if self._transcript.back else []
        style = "class:offline" if conversation.trouble else ""
        return [(style, f" {self._title} · {plain(state)}"), ("", "".join(f" · {part}" for part in parts or [_HELP]))]


class _View(UIControl):
    """The window on the transcript. `height` is its height when it was last shown."""

    def __init__(self, transcript: Transcript) -> None:
        self.height = 0
        self._transcript = transcript

    def create_content(self, width: int, height: int) -> UIContent:
        self.height = height
        lines = self._transcript.lines(width, height)
        # What there is stands at the bottom.
        lines = [[] for _ in range(height - len(lines))] + lines
        return UIContent(get_line=lines.__getitem__, line_count=height, show_cursor=False)
