"""The counter of refusals, and its log lines."""

from structlog.testing import capture_logs

from reichatd.rate_limits import Refusals


def test_all_refusals_count_and_each_client_is_logged_once_a_minute() -> None:
    now = 0.0
    refusals = Refusals("connections_per_address", "sockets_per_user", clock=lambda: now)
    with capture_logs() as lines:
        for client in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.2"):
            refusals.note("connections_per_address", client=client, retry_after=10)
    assert [line["client"] for line in lines] == ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
    assert lines[0] == {
        "event": "rate limited",
        "log_level": "info",
        "action": "connections_per_address",
        "client": "192.0.2.1",
        "retry_after": 10,
    }
    assert refusals.counts == {"connections_per_address": 5, "sockets_per_user": 0}
    now = 61.0
    with capture_logs() as lines:
        refusals.note("sockets_per_user", client="192.0.2.1", retry_after=10)
    assert len(lines) == 1


def test_few_clients_are_remembered() -> None:
    refusals = Refusals()
    for number in range(10_100):
        refusals.note("x", client=f"client {number}", retry_after=1)
    assert len(refusals._logged) == 10_000
