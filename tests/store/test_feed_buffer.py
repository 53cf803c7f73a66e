"""Events between the thread of the feed and the event loop."""

from queue import SimpleQueue
from threading import Thread

from reichatd.store import Message
from reichatd.store.feed import FeedEvent, FeedOpened, MemberChanged, MessagesChanged, MessagesPosted
from reichatd.store.mongodb.feed_buffer import FeedBuffer, portions


def said(message_id: int, content: str = "hello") -> Message:
    return Message(message_id, "ann", "Ann", "ann@example.org", content, 1.5)


def test_messages_of_a_log_are_together_and_changes_come_after_them() -> None:
    buffer = FeedBuffer()
    buffer.add([FeedOpened(True), MessagesPosted("a", [said(1)]), MessagesChanged("a", 1), MemberChanged("a", "ann")])
    buffer.add([MessagesPosted("b", [said(1)]), MessagesPosted("a", [said(2)])])
    buffer.add([MemberChanged("a", "ann"), MessagesChanged("a", 2)])
    assert buffer.take() == [
        FeedOpened(True),
        MessagesPosted("a", [said(1), said(2)]),
        MessagesPosted("b", [said(1)]),
        MemberChanged("a", "ann"),
        MessagesChanged("a", 2),
    ]
    assert buffer.take() == []


def test_many_messages_are_told_in_portions_in_their_order() -> None:
    many = [said(number) for number in range(1, 451)]
    events: list[FeedEvent] = [FeedOpened(True), MessagesPosted("a", many)]
    events += [MessagesChanged("a", number) for number in range(300)]
    told = list(portions(events))
    assert all(len(portion) <= 200 for portion in told)
    assert [len(each.messages) for portion in told for each in portion if isinstance(each, MessagesPosted)] == [
        200,
        200,
        50,
    ]
    flat = [part for portion in told for part in portion]
    assert [each for part in flat if isinstance(part, MessagesPosted) for each in part.messages] == many
    assert [part for part in flat if not isinstance(part, MessagesPosted)] == [events[0], *events[2:]]
    assert list(portions([])) == []


def test_the_thread_waits_while_too_much_is_there() -> None:
    buffer, added = FeedBuffer(), SimpleQueue[int]()

    def fill() -> None:
        number = 0
        while buffer.add([MessagesPosted("a", [said(number, "x" * 100_000)])]):
            number += 1
            added.put(number)

    thread = Thread(target=fill)
    thread.start()
    taken = 0
    while taken < 300:  # far more than there is room for
        taken += sum(len(event.messages) for event in buffer.take() if isinstance(event, MessagesPosted))
        assert added.qsize() - taken < 100
    buffer.close()  # ends a wait, too
    thread.join()
    assert buffer.is_closed
    assert buffer.take() == []
