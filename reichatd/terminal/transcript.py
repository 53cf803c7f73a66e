"""Lays out a conversation in lines. Pure, except for the local time zone."""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from reichatd.terminal import references
from reichatd.terminal.actions import first_line
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import Message

Line = StyleAndTextTuples
_TIME_COLUMNS = 6
_BIDI_CONTROLS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def plain(text: str) -> str:
    """Text that is safe to print: U+FFFD replaces control characters and those that change the text direction."""
    return "".join("\ufffd" if _is_unsafe(character) else character for character in text.expandtabs(4))


def wrap(text: str, width: int) -> Iterator[str]:
    """The lines of a text, of at most `width` columns, broken between words where possible."""
    for paragraph in text.splitlines() or [""]:
        line, columns = "", 0
        for word in _words(plain(paragraph), width):
            size = get_cwidth(word)
            if columns + size > width and line.strip():
                yield line.rstrip()
                line, columns, word = "", 0, word.lstrip()
                size = get_cwidth(word)
            line, columns = line + word, columns + size
        yield line.rstrip()


class _LaidOut(NamedTuple):
    """The lines of a message, as long as it and the message that it replies to are these."""

    message: Message
    original: Message | None
    lines: list[Line]


class Transcript:
    """The visible part of a conversation.

    `numbered`: whether the numbers of the messages are shown in place of their times. `scrolled` is how many lines the view is
    above the end. The screen sets both. `reached_top`: the view needs earlier messages.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.numbered = False
        self.scrolled = 0
        self.reached_top = False
        self._conversation = conversation
        self._width = 0
        self._lines: dict[int, _LaidOut] = {}  # by message id
        self._is_laid_out_numbered = False
        self._laid_out_to = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """The lines for a window of this size; fewer if there are no more."""
        if width != self._width or self.numbered != self._is_laid_out_numbered:
            self._width, self._lines = width, {}
            self._is_laid_out_numbered = self.numbered
        self._hold_position()
        upwards = list(islice(self._upwards(), self.scrolled + height))
        self.reached_top = len(upwards) < self.scrolled + height
        self.scrolled = max(0, min(self.scrolled, len(upwards) - height))
        return upwards[self.scrolled : self.scrolled + height][::-1]

    def _hold_position(self) -> None:
        """Keeps the visible lines in place when new messages come below."""
        messages = self._conversation.messages
        if self.scrolled:
            for index in range(len(messages) - 1, -1, -1):
                if messages[index].message_id <= self._laid_out_to:
                    break
                self.scrolled += len(self._message_lines(index))
        self._laid_out_to = self._conversation.last_id

    def _upwards(self) -> Iterator[Line]:
        """All lines, the last one first."""
        for content in reversed(self._conversation.pending.values()):
            lines: list[Line] = [
                [("class:pending", f"{'…':{_TIME_COLUMNS}}{text}")]
                for text in wrap(content, self._width - _TIME_COLUMNS)
            ]
            yield from reversed(lines)
        for index in range(len(self._conversation.messages) - 1, -1, -1):
            yield from reversed(self._message_lines(index))
        if self._conversation.is_complete:
            yield [("class:rule", "── here the room begins")]

    def _message_lines(self, index: int) -> list[Line]:
        messages = self._conversation.messages
        message = messages[index]
        # Not cached: the rules above the first message change when earlier messages arrive.
        if index == 0:
            return [*_rules(None, message, self._conversation.read_to), *self._body(message)]
        original = self._conversation.find(message.reply_to) if message.reply_to else None
        laid_out = self._lines.get(message.message_id)
        if laid_out is None or laid_out.message is not message or laid_out.original is not original:
            rules = _rules(messages[index - 1], message, self._conversation.read_to)
            laid_out = _LaidOut(message, original, [*rules, *self._body(message)])
            self._lines[message.message_id] = laid_out
        return laid_out.lines

    def _body(self, message: Message) -> list[Line]:
        name = plain(message.username)
        margin, style = self._margin(message), "class:meta" if message.deleted else ""
        first, *more = wrap(f"{name}  {message.content}", self._width - _TIME_COLUMNS)
        head: Line = [margin, ("class:name", name), (style, first.removeprefix(name))]
        if not first.startswith(name):  # a window narrower than the name
            head = [margin, ("", first)]
        rest: list[Line] = [[(style, " " * _TIME_COLUMNS + text)] for text in more]
        return [*self._original(message), head, *rest, *self._notes(message)]

    def _margin(self, message: Message) -> tuple[str, str]:
        """The time or the number of a message, and a mark if it mentions the user."""
        conversation = self._conversation
        text = f"{_local_time(message):%H:%M}"
        if self.numbered:
            text = f"#{references.short(message.message_id, conversation.last_id)}"
        is_for_user = message.mention_room or (bool(message.mentions) and conversation.own_id in message.mentions)
        if is_for_user and message.user_id != conversation.own_id:
            return "class:mention", f"{text:{_TIME_COLUMNS - 1}}»"
        return "class:time", f"{text:{_TIME_COLUMNS}}"

    def _original(self, message: Message) -> list[Line]:
        """A line of the message that this one replies to."""
        if not message.reply_to:
            return []
        original = self._conversation.find(message.reply_to)
        number = references.short(message.reply_to, self._conversation.last_id)
        text = f"{original.username}: {first_line(original.content)}" if original else f"message {number}"
        return [[("class:meta", f"{'':{_TIME_COLUMNS}}{_cut(f'↳ {plain(text)}', self._width - _TIME_COLUMNS)}")]]

    def _notes(self, message: Message) -> list[Line]:
        """Below a message: whether it was edited or is pinned, and its reactions."""
        notes = ["by a moderator"] if message.deleted == "moderator" else []
        notes += ["edited"] if message.edited_at else []
        notes += ["pinned"] if message.pinned else []
        notes += [f"{plain(reaction.emoji)} {reaction.count}" for reaction in message.reactions]
        return [
            [("class:meta", " " * _TIME_COLUMNS + text)]
            for text in (wrap(" · ".join(notes), self._width - _TIME_COLUMNS) if notes else ())
        ]


def _cut(text: str, width: int) -> str:
    """The text, cut at the end if it is wider than `width` columns."""
    if get_cwidth(text) <= width:
        return text
    while text and get_cwidth(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def _rules(before: Message | None, message: Message, read_to: int | None) -> list[Line]:
    """The rules above a message: a new day, and the first unread message."""
    rules: list[Line] = []
    if before is None or _day(before) != _day(message):
        rules.append([("class:rule", f"── {_day(message):%A, %d %B %Y}")])
    if before is not None and before.message_id == read_to:
        rules.append([("class:unread", "── new")])
    return rules


def _local_time(message: Message) -> datetime:
    try:
        return message.timestamp.astimezone()
    except (OverflowError, ValueError):  # out of the range of dates, in the local time zone
        return message.timestamp


def _day(message: Message) -> date:
    return _local_time(message).date()


def _words(text: str, width: int) -> Iterator[str]:
    """Words with the space before them, none wider than `width`."""
    word = ""
    for character in text:
        if (character == " " and word.strip()) or get_cwidth(word + character) > width:
            yield word
            word = ""
        word += character
    if word:
        yield word


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or unicodedata.bidirectional(character) in _BIDI_CONTROLS
