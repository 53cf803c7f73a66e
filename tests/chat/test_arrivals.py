"""What waits for its turn in a room, and how much of it."""

import pytest

from reichatd.chat.arrivals import Arrivals
from reichatd.chat.log import RoomLog
from reichatd.store import ChangedMessage


def _no_change(changed: ChangedMessage) -> None:
    raise AssertionError(changed)


@pytest.mark.parametrize(("max_messages", "max_bytes"), [(100, 130), (2, 1000)], ids=["bytes", "messages"])
def test_what_waits_is_bounded_and_the_rest_is_read(max_messages: int, max_bytes: int) -> None:
    log = RoomLog(0, max_messages=max_messages, max_bytes=max_bytes)
    arrivals = Arrivals(log, _no_change)
    arrivals.open(0, 0)
    frame = b"x" * 60
    assert not arrivals.post([(5, frame), (4, frame), (4, frame), (6, frame), (3, frame)])
    assert arrivals.missing == (1, 3)
    assert arrivals.post([(1, frame), (2, frame)])
    assert arrivals.missing == (3, 3)
    assert arrivals.post([(3, frame)])
    assert (log.last_id, arrivals.missing) == (5, (6, 6))
    assert not arrivals.post([(8, frame), (7, frame)]), "there is room again"
    assert arrivals.post([(6, frame)])
    assert (log.last_id, arrivals.is_complete) == (8, True)
