"""Parses a typed line. Pure."""

from typing import Final, NamedTuple

from reichatd.terminal.frames import length_problem, trimmed

HELP: Final = (
    "/help            this list; Esc or the next message hides it",
    "/quit            leave, like Ctrl+D",
    "//text           post a message that begins with a slash: /text",
    "Up, Down         earlier lines, also refused ones",
    "PgUp, PgDn       scroll through the history",
)


class PostMessage(NamedTuple):
    """Post this text."""

    content: str


class Help(NamedTuple):
    """Show the list of commands and keys."""


class Quit(NamedTuple):
    """Leave the chat."""


class EmptyLine(NamedTuple):
    """Do nothing."""


class InputRefused(NamedTuple):
    """The line cannot be posted, or is no known command. It stays in the input; `reason` is for a person."""

    reason: str


Command = PostMessage | Help | Quit | EmptyLine | InputRefused

_COMMANDS: Final[dict[str, Command]] = {"/help": Help(), "/?": Help(), "/quit": Quit(), "/exit": Quit()}


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
        word = content.split()[0]
        return _COMMANDS.get(content, InputRefused(f"no command {word[:20]}; /help lists them, //… posts a slash"))
    problem = length_problem(content, max_characters)
    return InputRefused(problem) if problem else PostMessage(content)
