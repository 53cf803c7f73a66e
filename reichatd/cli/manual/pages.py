"""The pages of the manual, each in Markdown."""

from reichatd.cli.distribution import distributed

REVISED = "2026-11-27"
"""When the manual was last revised, as its pages say."""
PAGES = {
    "commands": "reichatd.1",
    "settings": "reichatd.toml.5",
    "operation": "reichatd.8",
    "protocol": "reichatd-protocol.7",
}
"""The man page of each topic."""


def place(page: str) -> str:
    """Where a man page is below a directory of manuals: `man8/reichatd.8`."""
    return f"man{page.rpartition('.')[2]}/{page}"


def source(topic: str) -> str:
    """The page of a topic, in Markdown. Raises KeyError if there is none."""
    page = PAGES[topic]
    if topic == "commands":
        from reichatd.cli import main
        from reichatd.cli.manual.commands import commands_page

        return commands_page(main)
    if topic == "settings":
        from reichatd.cli.manual.settings import documented, settings_page

        return settings_page(documented(distributed("etc/reichatd.toml")))
    return distributed(f"etc/man/{page}.md")
