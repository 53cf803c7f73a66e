"""Parses a typed line. Pure."""

from typing import Final, NamedTuple

from reichatd.terminal.frames import length_problem, trimmed

HELP: Final = (
    "/help            this list; Esc or the next message hides it",
    "/reply 12 text   reply to message 12; numbers are shown as you type",
    "/edit 12 text    change your message; /edit 12 puts its text here",
    "/edit, /reply    without a number: your, or another's, last message",
    "/delete 12       delete messages",
    "/react 12 +1     react with an emoji, +1 -1 heart laugh tada eyes",
    "/unreact 12 +1   take your reaction back",
    "/unread          what is unread in your rooms",
    "/pins            the pinned messages of this room",
    "/quit            leave, like Ctrl+D",
    "//text           post a message that begins with a slash: /text",
    "Up, Down         earlier lines, also refused ones",
    "PgUp, PgDn       scroll through the history",
)

EMOJIS: Final = {"+1": "👍", "-1": "👎", "heart": "❤️", "laugh": "😂", "tada": "🎉", "eyes": "👀"}
"""What can be typed in place of an emoji."""


class PostMessage(NamedTuple):
    """Post this text."""

    content: str


class Reply(NamedTuple):
    """Post this text as a reply to a message. `number` is as in `references`; "" for the last message of another user."""

    number: str
    content: str


class Edit(NamedTuple):
    """Give a message this text; "" to have the text of now in the input. `number` is "" for the user's last message."""

    number: str
    content: str


class Delete(NamedTuple):
    """Delete these messages."""

    numbers: tuple[str, ...]


class React(NamedTuple):
    """React to a message, or take it back."""

    number: str
    emoji: str
    is_set: bool


class Unread(NamedTuple):
    """Show how much is unread in each room."""


class Pins(NamedTuple):
    """Show the pinned messages."""


class Help(NamedTuple):
    """Show the list of commands and keys."""


class Quit(NamedTuple):
    """Leave the chat."""


class EmptyLine(NamedTuple):
    """Do nothing."""


class InputRefused(NamedTuple):
    """The line cannot be posted, or is no known command. It stays in the input; `reason` is for a person."""

    reason: str


Action = Reply | Edit | Delete | React | Unread | Pins
"""What is done with messages and rooms."""
Command = PostMessage | Action | Help | Quit | EmptyLine | InputRefused

_COMMANDS: Final[dict[str, Command]] = {
    "/help": Help(),
    "/?": Help(),
    "/quit": Quit(),
    "/exit": Quit(),
    "/unread": Unread(),
    "/pins": Pins(),
}
_NAMING: Final = ("/reply", "/edit", "/delete", "/react", "/unreact")
"""The commands that name messages by numbers."""


def names_messages(line: str) -> bool:
    """Whether a line, which need not be complete, is a command that names messages by their numbers."""
    return line.split(" ")[0] in _NAMING


def parse(line: str, max_characters: int) -> Command:
    """The command in a line. A line that begins with a slash is a command of this client and is never posted.

    Arguments:
        max_characters: how many a message may have.
    """
    content = trimmed(line)
    if not content:
        return EmptyLine()
    if content.startswith("//"):
        content = content[1:]
    elif content.startswith("/"):
        return _COMMANDS[content] if content in _COMMANDS else _naming(content, max_characters)
    problem = length_problem(content, max_characters)
    return InputRefused(problem) if problem else PostMessage(content)


def _naming(line: str, max_characters: int) -> Command:
    """A command that names messages."""
    word, *rest = line.split(maxsplit=1)
    number, text = _number(rest[0] if rest else "")
    if word in ("/reply", "/edit") and (problem := length_problem(text, max_characters)):
        return InputRefused(problem)
    match word:
        case "/reply":
            return Reply(number, text) if text else InputRefused("write /reply 12 and a text")
        case "/edit":
            return Edit(number, text)
        case "/delete":
            numbers = tuple(each.removeprefix("#") for each in line.split()[1:])
            return Delete(numbers) if numbers else InputRefused("write /delete 12, with the number of a message")
        case "/react" | "/unreact":
            emoji = EMOJIS.get(text, text)
            return React(number, emoji, word == "/react") if number and emoji else InputRefused(f"write {word} 12 +1")
    return InputRefused(f"no command {word[:20]}; /help lists them, //… posts a slash")


def _number(text: str) -> tuple[str, str]:
    """The number at the beginning of a text, "" without one, and the rest."""
    first, _, rest = text.partition(" ")
    number = first.removeprefix("#")
    return (number, rest.strip()) if number.isascii() and number.isdigit() else ("", text)
