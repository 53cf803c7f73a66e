"""The tails of all live rooms together: bounded, since a user may open a socket in each of many rooms. Pure."""

from collections import OrderedDict

from reichatd.chat.log import RoomLog
from reichatd.settings import LiveSettings


class Tails:
    """Knows the size of each tail. Over `limits.all_tails_bytes`, the log that was quiet longest forgets its tail.

    Its readers get the messages from the store then.
    """

    def __init__(self, settings: LiveSettings) -> None:
        self.bytes = 0
        """What all tails hold."""
        self._settings = settings
        self._sizes: OrderedDict[RoomLog, int] = OrderedDict()  # the log that changed last is the last

    def changed(self, log: RoomLog) -> None:
        """To be called after messages were appended to a log."""
        self.bytes += log.size - self._sizes.get(log, 0)
        self._sizes[log] = log.size
        self._sizes.move_to_end(log)
        while self.bytes > self._settings.limits.all_tails_bytes and len(self._sizes) > 1:
            quiet, size = self._sizes.popitem(last=False)
            self.bytes -= size
            quiet.forget()

    def shrunk(self, log: RoomLog) -> None:
        """To be called after messages of a log were dropped, which makes it no less quiet."""
        if log in self._sizes:
            self.bytes += log.size - self._sizes[log]
            self._sizes[log] = log.size

    def remove(self, log: RoomLog) -> None:
        """The room is not live any more. Harmless if its log is unknown."""
        self.bytes -= self._sizes.pop(log, 0)
