"""The texts of the web client, read from its files by Node."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from reichatd.api.web import FILES
from tests.node import NODE

SCRIPT = Path(__file__).with_suffix(".mjs")


class Text(NamedTuple):
    """A text with sample values.

    `parameters` are the names of its values, `used` those whose samples are found in the text.
    """

    parameters: list[str]
    used: list[str]
    text: str


class Texts(NamedTuple):
    languages: dict[str, dict[str, Text]]
    """By language and key, such as "common.cancel"."""
    counted: dict[str, list[str]]
    """Nouns with 0, 1, 2 and a million, by language."""
    chosen: list[list[str]]
    """The language and the locale for each browser of the script."""


@cache
def read_texts() -> Texts:
    found: dict[str, Any] = json.loads(subprocess.run([NODE, SCRIPT, FILES], capture_output=True, check=True).stdout)
    languages = {
        code: {key: Text(**text) for key, text in texts.items()} for code, texts in found.pop("languages").items()
    }
    return Texts(languages, **found)
