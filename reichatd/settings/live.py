"""The settings in force, for the parts of a daemon."""

from reichatd.settings.root import Settings


class LiveSettings:
    """Holds the settings in force; a reload replaces them.

    A part that keeps this reads, each time, what is in force then. A part for which a value must stay as it was (that of a
    connection, say) keeps the table, which never changes: `limits = live.limits`.

    The tables stand here as attributes, as the busiest parts read them for every message. They are those that a reload can change.
    """

    __slots__ = ("limits", "server", "whole")

    def __init__(self, settings: Settings) -> None:
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """From here on these are in force. To be called from the event loop: it does not wait, so no part sees half of it."""
        self.whole = settings
        self.server = settings.server
        self.limits = settings.limits
