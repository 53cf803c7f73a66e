"""What of a posted text is stored. Pure."""


def trimmed(text: str) -> str:
    """The text without blank lines before it and white space behind it.

    The first of several lines keeps its indentation: in pasted code it says where the others stand. Space before a single line
    says nothing, and goes, as it always has.
    """
    bare = text.strip()
    if not text[:1].isspace() or len(bare.splitlines()) < 2:
        return bare
    before = text[: len(text) - len(text.lstrip())]
    indentation = f"{before}.".splitlines()[-1][:-1]
    return indentation + bare
