import pickle

import pytest

from reichatd.accounts.keys import Keys
from reichatd.accounts.tickets import Ticket, Tickets
from reichatd.errors import Unauthorized, Unavailable
from tests.accounts.conftest import SECRET

NOW = 1_700_000_000.5


def tickets_of(secret: bytes = SECRET, epoch: str = "") -> Tickets:
    return Tickets(Keys(secret), seconds=30, per_session=2, epoch=epoch)


@pytest.fixture
def tickets() -> Tickets:
    return tickets_of()


def issue(tickets: Tickets, session_id: str, passed: float = 0.0) -> str:
    return tickets.issue(session_id, NOW + passed, passed)


def read(tickets: Tickets, text: str, passed: float = 0.0) -> Ticket:
    return tickets.read(text, NOW + passed, passed)


def test_a_ticket_says_what_it_stands_for_to_each_daemon_with_the_secret(tickets: Tickets) -> None:
    text = issue(tickets, "s1")
    for daemon in (tickets, tickets_of()):
        ticket = read(daemon, text, 29.9)
        assert ticket == Ticket(ticket.number, "s1", 1_700_000_030.5)
    assert issue(tickets, "s1") != text


def test_a_ticket_expires(tickets: Tickets) -> None:
    text = issue(tickets, "s1")
    for daemon in (tickets, tickets_of()):
        with pytest.raises(Unauthorized):
            read(daemon, text, 30.01)
        with pytest.raises(Unauthorized):
            daemon.read(text, NOW - 3600, 31.0)  # a clock that was set back
    assert tickets_of().read(text, NOW - 10, 0.0), "the clock of another daemon may be late"


def test_a_clock_that_is_set_does_not_end_tickets(tickets: Tickets) -> None:
    text = issue(tickets, "s1")
    for now in (NOW - 3600, NOW + 3600):
        assert tickets.read(text, now, 29.9).session_id == "s1"


def test_forged_tickets(tickets: Tickets) -> None:
    number, _, expires_ms, signature = (text := issue(tickets, "s1")).split(".")
    forged = (
        *("", ".", "...", "nonsense", "ä\udcff", "\0", "x" * 100_000, f"{text}x", text[:-1], text.upper()),
        f"{number}.s2.{expires_ms}.{signature}",
        f"{number}.s1.{int(expires_ms) + 30_000}.{signature}",
        f"0{number}.s1.{expires_ms}.{signature}",
        issue(tickets_of(secret=bytes(32)), "s1"),
        issue(tickets_of(epoch="another"), "s1"),
    )
    for each in forged:
        with pytest.raises(Unauthorized):
            read(tickets, each)


def test_unused_tickets_of_a_session_are_limited(tickets: Tickets) -> None:
    first = issue(tickets, "s1")
    issue(tickets, "s1", 10)
    with pytest.raises(Unavailable):
        issue(tickets, "s1", 10)
    tickets.used(read(tickets, issue(tickets, "s2", 10), 10).number)
    tickets.used(read(tickets, issue(tickets_of(), "s1", 10), 10).number)  # of another daemon
    with pytest.raises(Unavailable):
        issue(tickets, "s1", 10)
    for _ in range(2):
        tickets.used(read(tickets, first, 10).number)
    issue(tickets, "s1", 10)
    with pytest.raises(Unavailable):
        issue(tickets, "s1", 39.9)
    issue(tickets, "s1", 40)


def test_expired_tickets_leave_nothing_behind(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were not used are removed, so the memory they need does not grow."""
    monkeypatch.setattr("reichatd.accounts.tickets._MOST", 30)
    sizes = []
    for number in range(1000):
        issue(tickets, f"session {number:4}", float(number))
        sizes.append(len(pickle.dumps((tickets._issued, tickets._unused))))
    assert sizes[40] == sizes[-1]
    with pytest.raises(Unavailable):
        issue(tickets, "one more", 999)


def test_unused_tickets_of_all_sessions_are_limited(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.accounts.tickets._MOST", 3)
    for number in range(3):
        issue(tickets, f"s{number}")
    with pytest.raises(Unavailable):
        issue(tickets, "s4")
