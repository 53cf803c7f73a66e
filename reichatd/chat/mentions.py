"""Finds the names of users that a message mentions. Pure."""

import re

_CODE = re.compile(r"```.*?(?:```|$)|`[^`\n]*`", re.DOTALL)
_NAME = re.compile(r"(?<![\w@.])@(\w{1,128})")


def names_in(content: str, at_most: int) -> tuple[str, ...]:
    """The different names after an "@", in order, but not those in code or in e-mail addresses."""
    if "@" not in content:
        return ()
    names: dict[str, str] = {}
    for name in _NAME.findall(_CODE.sub(" ", content)):
        names.setdefault(name.casefold(), name)
    return tuple(names.values())[:at_most]
