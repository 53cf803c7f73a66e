"""What this process knows of where the logs end. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from bson import ObjectId

_REMEMBERED = 10_000
"""Logs that are remembered. A further one takes the place of the one that was not advanced for longest."""


class DurableEnds:
    """For each log an id up to which its messages are durable. Any thread may use it.

    Another daemon may have appended more, so this is a lower bound.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends: OrderedDict[ObjectId, int] = OrderedDict()

    def advance(self, key: ObjectId, last_id: int) -> None:
        """Notes that the message `last_id` is durable, and all before it."""
        with self._lock:
            self._ends[key] = max(last_id, self._ends.get(key, 0))
            self._ends.move_to_end(key)
            if len(self._ends) > _REMEMBERED:
                self._ends.popitem(last=False)

    def known(self, keys: Iterable[ObjectId]) -> dict[ObjectId, int]:
        """The ends of those logs that are remembered."""
        with self._lock:
            return {key: self._ends[key] for key in keys if key in self._ends}
