"""The emoji that the web client offers, with their names in its languages. Only this module imports emoji.

The library's names are those of Unicode's CLDR; it has no groups, which are in `emoji-groups.txt`.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

LANGUAGES = ("en", "de", "fr")
DATA_VERSION = version("emoji")
"""Other versions of the library may have other names."""

_GROUPS = Path(__file__).with_name("emoji-groups.txt")


@cache
def emoji_json(language: str) -> bytes:
    """The emoji as JSON: `{"smileys": [["😀", "grinning face", "grinning"], …], …}`; after the name come others, also English ones.

    Takes some 300 ms and 10 MB the first time, so call it in a thread.

    Arguments:
        language: one of LANGUAGES.
    """
    import emoji  # not before a browser asks for it

    emoji.config.load_language(language)
    return msgspec.json.encode(
        {
            group: [_row(each, emoji.EMOJI_DATA[each], language) for each in listed if each in emoji.EMOJI_DATA]
            for group, listed in _groups()
        }
    )


def _groups() -> list[tuple[str, list[str]]]:
    lines = _GROUPS.read_text("utf-8").splitlines()
    return [(group, listed.split(" ")) for group, _, listed in (line.partition(" ") for line in lines) if group != "#"]


def _row(emoji: str, data: dict[str, object], language: str) -> list[str]:
    aliases = data.get("alias", [])
    names = [data[language], data["en"], *(aliases if isinstance(aliases, list) else [])]
    return [emoji, *dict.fromkeys(_plain(name) for name in names if isinstance(name, str))]


def _plain(name: str) -> str:
    """A name without the colons of the library, and with spaces."""
    return name.strip(":").replace("_", " ")
