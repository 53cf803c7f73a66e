import pickle

import pytest

from reichatd.accounts.tickets import Tickets
from reichatd.errors import Unauthorized, Unavailable


@pytest.fixture
def tickets() -> Tickets:
    return Tickets(seconds=30, per_session=2)


def test_a_ticket_stands_for_its_token_once(tickets: Tickets) -> None:
    ticket = tickets.issue("s1", "the token", 0.0)
    assert tickets.redeem(ticket, 29.9) == "the token"
    with pytest.raises(Unauthorized, match="Invalid ticket"):
        tickets.redeem(ticket, 29.9)


def test_a_ticket_expires(tickets: Tickets) -> None:
    ticket = tickets.issue("s1", "the token", 0.0)
    with pytest.raises(Unauthorized):
        tickets.redeem(ticket, 30.0)


@pytest.mark.parametrize("ticket", ["", "x", "\ud800"])
def test_invalid_tickets(tickets: Tickets, ticket: str) -> None:
    with pytest.raises(Unauthorized):
        tickets.redeem(ticket, 0.0)


def test_unused_tickets_of_a_session_are_limited(tickets: Tickets) -> None:
    first = tickets.issue("s1", "a", 0.0)
    tickets.issue("s1", "b", 10.0)
    with pytest.raises(Unavailable):
        tickets.issue("s1", "c", 10.0)
    assert tickets.redeem(tickets.issue("s2", "d", 10.0), 10.0) == "d"
    tickets.redeem(first, 10.0)
    tickets.issue("s1", "e", 10.0)
    with pytest.raises(Unavailable):
        tickets.issue("s1", "f", 39.9)
    tickets.issue("s1", "g", 40.0)


def test_expired_tickets_leave_nothing_behind(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ticket per second, valid for 30 seconds: never more than 30 count, and memory does not grow beyond theirs."""
    monkeypatch.setattr("reichatd.accounts.tickets._MOST", 30)
    sizes = []
    for number in range(1000):
        tickets.issue(f"session {number:4}", "a", float(number))
        sizes.append(len(pickle.dumps(tickets)))
    assert sizes[-1] <= sizes[29]
    with pytest.raises(Unavailable):
        tickets.issue("one more", "a", 999.0)


def test_unused_tickets_of_all_sessions_are_limited(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reichatd.accounts.tickets._MOST", 3)
    for number in range(3):
        tickets.issue(f"s{number}", "a", 0.0)
    with pytest.raises(Unavailable):
        tickets.issue("s4", "a", 0.0)
