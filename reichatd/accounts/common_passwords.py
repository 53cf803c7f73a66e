"""The most common passwords, which guessers try first. Pure, but for a file of this package that is read once.

The file is the beginning of the list in zxcvbn (Dropbox, MIT license; https://github.com/dropbox/zxcvbn), which was made from
passwords that were published after thefts.
"""

import gzip
from functools import cache
from importlib.resources import files

_FILE = "common-passwords.txt.gz"


def is_common(password: str, among: int) -> bool:
    """Whether this is a common password, regardless of case.

    Arguments:
        among: how many of the most common passwords count.
    """
    return _ranks().get(password.casefold(), among) < among


@cache
def _ranks() -> dict[str, int]:
    text = gzip.decompress(files("reichatd.accounts").joinpath(_FILE).read_bytes()).decode()
    return {password: rank for rank, password in enumerate(text.split("\n"))}
