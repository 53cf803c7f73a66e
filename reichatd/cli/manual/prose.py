"""Turns plain text into Markdown: marks the code in it, and escapes everything else. Pure."""

import re

_MARKUP = re.compile(r"([\\*_\[\]<>#])")


def marked(text: str, code: re.Pattern[str]) -> str:
    """The text on one line, as Markdown.

    Arguments:
        code: matches the code in the text, with or without backticks. It has no groups.
    """
    text = " ".join(text.split())
    parts, end = [], 0
    for match in code.finditer(text):
        parts += [_MARKUP.sub(r"\\\1", text[end : match.start()]), f"`{match[0].strip('`')}`"]
        end = match.end()
    return "".join([*parts, _MARKUP.sub(r"\\\1", text[end:])])
