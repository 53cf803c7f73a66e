"""The lines that a conversation is shown as. Pure, but for the local time zone."""

import unicodedata
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import Message

Line = StyleAndTextTuples
_TIME = 6  # columns
_REORDERS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def plain(text: str) -> str:
    """Text that does nothing to a terminal: no escape sequence, and nothing that turns the direction of what follows."""
    return "".join("\ufffd" if _acts(character) else character for character in text.expandtabs(4))


def wrap(text: str, width: int) -> Iterator[str]:
    """The lines of a text, each of so many columns at the most, broken between words where that is possible."""
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


class Transcript:
    """What of a conversation is in sight.

    `back` is how many lines the end lies below; it is the user's to change. `reached_top`: more was asked for than there is.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.back = 0
        self.reached_top = False
        self._conversation = conversation
        self._width = 0
        self._made: dict[int, list[Line]] = {}  # by message id
        self._seen_to = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """The lines that fill a window of this size, or fewer if there are fewer."""
        if width != self._width:
            self._width, self._made = width, {}
        self._stay()
        upwards = list(islice(self._upwards(), self.back + height))
        self.reached_top = len(upwards) < self.back + height
        self.back = max(0, min(self.back, len(upwards) - height))
        return upwards[self.back : self.back + height][::-1]

    def _stay(self) -> None:
        """Keeps in sight what is in sight, however much comes below it."""
        messages = self._conversation.messages
        if self.back:
            for index in range(len(messages) - 1, -1, -1):
                if messages[index].message_id <= self._seen_to:
                    break
                self.back += len(self._of(index))
        self._seen_to = self._conversation.last_id

    def _upwards(self) -> Iterator[Line]:
        """All lines from the last one on."""
        for content in reversed(self._conversation.pending.values()):
            lines: list[Line] = [
                [("class:pending", f"{'…':{_TIME}}{text}")] for text in wrap(content, self._width - _TIME)
            ]
            yield from reversed(lines)
        for index in range(len(self._conversation.messages) - 1, -1, -1):
            yield from reversed(self._of(index))
        if self._conversation.begins:
            yield [("class:rule", "── here the room begins")]

    def _of(self, index: int) -> list[Line]:
        messages = self._conversation.messages
        message = messages[index]
        # What stands above the first one changes when earlier ones come.
        if index == 0:
            return [*_above(None, message, self._conversation.read_to), *self._body(message)]
        if message.message_id not in self._made:
            above = _above(messages[index - 1], message, self._conversation.read_to)
            self._made[message.message_id] = [*above, *self._body(message)]
        return self._made[message.message_id]

    def _body(self, message: Message) -> list[Line]:
        name = plain(message.username)
        time = f"{_moment(message):%H:%M}"
        first, *more = wrap(f"{name}  {message.content}", self._width - _TIME)
        head: Line = [("class:time", f"{time:{_TIME}}"), ("class:name", name), ("", first.removeprefix(name))]
        if not first.startswith(name):  # a window narrower than the name
            head = [("class:time", f"{time:{_TIME}}"), ("", first)]
        rest: list[Line] = [[("", " " * _TIME + text)] for text in more]
        return [head, *rest]


def _above(before: Message | None, message: Message, read_to: int | None) -> list[Line]:
    """The rules over a message: a new day, and where the unread begins."""
    rules: list[Line] = []
    if before is None or _day(before) != _day(message):
        rules.append([("class:rule", f"── {_day(message):%A, %d %B %Y}")])
    if before is not None and before.message_id == read_to:
        rules.append([("class:unread", "── new")])
    return rules


def _moment(message: Message) -> datetime:
    try:
        return message.timestamp.astimezone()
    except (OverflowError, ValueError):  # at the ends of what a clock can show
        return message.timestamp


def _day(message: Message) -> date:
    return _moment(message).date()


def _words(text: str, width: int) -> Iterator[str]:
    """Words with the space before them, none wider than a line."""
    word = ""
    for character in text:
        if (character == " " and word.strip()) or get_cwidth(word + character) > width:
            yield word
            word = ""
        word += character
    if word:
        yield word


def _acts(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or unicodedata.bidirectional(character) in _REORDERS
