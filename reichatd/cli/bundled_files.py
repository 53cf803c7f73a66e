"""Reads the files that come with reichatd: settings file, units, manual."""

from pathlib import Path

import reichatd


def bundled(name: str) -> str:
    """The text of a file, by its path in the repository. A wheel has it within the package, a checkout beside the package."""
    package = Path(reichatd.__file__).parent
    within = package / "files" / name
    return (within if within.exists() else package.parent / name).read_text(encoding="utf-8")
