"""Trims the text of a post. Pure."""


def trimmed(text: str) -> str:
    """The text without leading blank lines and trailing white space.

    The first of several lines keeps its indentation: in pasted code the other lines are indented relative to it. A single line
    loses its leading space, as in all earlier versions.
    """
    bare = text.strip()
    if not text[:1].isspace() or len(bare.splitlines()) < 2:
        return bare
    before = text[: len(text) - len(text.lstrip())]
    indentation = f"{before}.".splitlines()[-1][:-1]
    return indentation + bare
