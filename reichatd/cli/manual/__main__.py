"""`python -m reichatd.cli.manual`: writes the man pages in etc/man from their sources."""

from pathlib import Path

import reichatd
from reichatd.cli.manual.pages import PAGES, REVISED, source
from reichatd.cli.manual.roff import man_page

DIRECTORY = Path(reichatd.__file__).parent.parent / "etc" / "man"

if __name__ == "__main__":
    for topic, page in PAGES.items():
        (DIRECTORY / page).write_text(man_page(source(topic), REVISED), encoding="utf-8")
