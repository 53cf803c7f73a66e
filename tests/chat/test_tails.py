"""The tails of all rooms together."""

from reichatd.chat.log import RoomLog
from reichatd.chat.tails import Tails
from reichatd.settings import LimitSettings, LiveSettings, Settings


def log_with(size: int) -> RoomLog:
    log = RoomLog(0, max_messages=100, max_bytes=1_000_000)
    log.append(1, bytes(size))
    return log


def test_the_log_that_was_quiet_longest_forgets() -> None:
    tails = Tails(LiveSettings(Settings(limits=LimitSettings(all_tails_bytes=2500))))
    first, second, third = logs = [log_with(1000) for _ in range(3)]
    for log in (first, second, first, third):
        tails.changed(log)
    assert [log.size for log in logs] == [1000, 0, 1000]
    assert (second.first_id, second.last_id) == (2, 1)
    assert tails.bytes == 2000
    tails.remove(first)
    tails.remove(second)
    assert tails.bytes == 1000


def test_a_log_that_changes_is_kept() -> None:
    tails = Tails(LiveSettings(Settings(limits=LimitSettings(all_tails_bytes=1024))))
    log = log_with(5000)
    tails.changed(log)
    assert (log.size, tails.bytes) == (5000, 5000)
    log.append(2, bytes(1000))
    tails.changed(log)
    assert tails.bytes == 6000
    log.forget()
    tails.changed(log)
    assert tails.bytes == 0


def test_what_is_dropped_makes_room_and_keeps_its_place() -> None:
    tails = Tails(LiveSettings(Settings(limits=LimitSettings(all_tails_bytes=2500))))
    first, second, third = logs = [log_with(1000) for _ in range(3)]
    tails.shrunk(first)
    assert tails.bytes == 0, "of a room that is not live"
    tails.changed(first)
    tails.changed(second)
    first.drop_before(2)
    tails.shrunk(first)
    assert tails.bytes == 1000
    tails.changed(third)
    assert [log.size for log in logs] == [0, 1000, 1000]
    fourth = log_with(600)
    tails.changed(fourth)
    assert [log.size for log in (*logs, fourth)] == [0, 0, 1000, 600]
