"""What a typed line asks for. Pure."""

from typing import Final, NamedTuple

from reichatd.terminal.frames import excess, trimmed

HELP: Final = (
    "/help            this; Esc or the next message puts it away",
    "/quit            leave, as Ctrl+D does",
    "//text           post a message that begins with a slash: /text",
    "Up, Down         what you have typed before, also what was refused",
    "PgUp, PgDn       history",
)


class Say(NamedTuple):
    """Post this."""

    content: str


class Help(NamedTuple):
    """Show how all this is used."""


class Quit(NamedTuple):
    """Leave."""


class Nothing(NamedTuple):
    """An empty line."""


class InputRefused(NamedTuple):
    """Cannot be posted, or is no known command. The line stays in the input; `why` is for a person."""

    why: str


Command = Say | Help | Quit | Nothing | InputRefused

_COMMANDS: Final[dict[str, Command]] = {"/help": Help(), "/?": Help(), "/quit": Quit(), "/exit": Quit()}


def understood(line: str, characters: int) -> Command:
    """What a line asks for. What begins with a slash is a command of the client and is never posted.

    Arguments:
        characters: how many a message may have.
    """
    content = trimmed(line)
    if not content:
        return Nothing()
    if content.startswith("//"):
        content = content[1:]
    elif content.startswith("/"):
        word = content.split()[0]
        return _COMMANDS.get(content, InputRefused(f"no command {word[:20]}; /help lists them, //… posts a slash"))
    why = excess(content, characters)
    return InputRefused(why) if why else Say(content)
