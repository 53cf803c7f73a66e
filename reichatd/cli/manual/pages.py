"""The pages of the manual: their names, and their sources in Markdown."""

from reichatd.cli.bundled_files import bundled

REVISED = "2026-11-27"
"""The date of the manual's last revision, which its pages show."""
PAGES = {
    "commands": "reichatd.1",
    "settings": "reichatd.toml.5",
    "operation": "reichatd.8",
    "protocol": "reichatd-protocol.7",
}
"""The man page of each topic."""


def place(page: str) -> str:
    """The path of a man page below a directory of manuals: `man8/reichatd.8`."""
    return f"man{page.rpartition('.')[2]}/{page}"


def source(topic: str) -> str:
    """The page of a topic, in Markdown. Raises KeyError if there is no such topic."""
    page = PAGES[topic]
    if topic == "commands":
        from reichatd.cli import main
        from reichatd.cli.manual.commands import commands_page

        return commands_page(main)
    if topic == "settings":
        from reichatd.cli.manual.settings import documented, settings_page

        return settings_page(documented(bundled("etc/reichatd.toml")))
    return bundled(f"etc/man/{page}.md")
