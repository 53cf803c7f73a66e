"""The files that come with reichatd and are meant for the operator."""

from pathlib import Path

import reichatd


def distributed(name: str) -> str:
    """A file of our distribution, by its path there: a wheel has it within the package, a checkout beside it."""
    package = Path(reichatd.__file__).parent
    within = package / "files" / name
    return (within if within.exists() else package.parent / name).read_text(encoding="utf-8")
