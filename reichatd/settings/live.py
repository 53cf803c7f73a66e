"""The settings in force in a running daemon."""

from collections.abc import Callable

from reichatd.settings.root import Settings


class LiveSettings:
    """Holds the settings in force; a reload replaces them. All methods are for the event loop, and none waits.

    A part keeps this object and reads a setting whenever it needs it. Where a value must not change (for one connection, say), the
    part keeps the table, which is immutable: `limits = settings.limits`.

    `limits` and `server` are attributes of their own, because the busiest parts read them for every message. The other tables are
    in `whole`.
    """

    __slots__ = ("_callbacks", "limits", "server", "whole")

    def __init__(self, settings: Settings) -> None:
        self._callbacks: list[Callable[[], object]] = []
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Puts other settings in force, then calls the callbacks. It does not wait, so no part sees a mixture."""
        self.whole = settings
        self.server = settings.server
        self.limits = settings.limits
        for callback in self._callbacks:
            callback()

    def on_change(self, callback: Callable[[], object]) -> None:
        """Has `callback` called after each `replace`. It must not wait or fail.

        For parts that must act on a change: one that sleeps for as long as a setting says, or that has copied a setting into an
        object of a library.
        """
        self._callbacks.append(callback)
