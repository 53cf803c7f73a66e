"""Listening sockets of every kind."""

import errno
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reichatd.gateway import CannotListen, Listener, listeners, open_listeners
from reichatd.gateway.listeners import SocketAddress, has_ipv6, peer_address


def opened(stack: ExitStack, *hosts: str, port: int = 0) -> list[Listener]:
    found = open_listeners(hosts, port, tls=False)
    for listener in found:
        stack.callback(listener.close)
    return found


def peer_of(listener: Listener, family: int, address: str | tuple[str, int]) -> str:
    """The peer address of a client that connects to the listener."""
    with socket.socket(family) as client:
        client.connect(address)
        accepted, _ = listener.socket.accept()
        with accepted:
            return peer_address(accepted)


def test_several_hosts_share_one_free_port(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with ExitStack() as stack:
        one, two, local = opened(stack, "127.0.0.1", f"unix:{path}", "127.0.0.2")
        assert [one.url, two.url, local.url] == [
            f"http://127.0.0.1:{one.port}",
            f"http://127.0.0.2:{one.port}",
            f"unix:{path}",
        ]
        assert peer_of(two, socket.AF_INET, ("127.0.0.2", one.port)) == "127.0.0.1"
        assert peer_of(local, socket.AF_UNIX, str(path)) == "unix"
        assert path.stat().st_mode & 0o777 == 0o660
    assert not path.exists()


def test_a_repeated_address_is_listened_on_once() -> None:
    with ExitStack() as stack:
        assert [each.host for each in opened(stack, "127.0.0.1", "127.0.0.2", "127.0.0.1")] == [
            "127.0.0.1",
            "127.0.0.2",
        ]
        assert [each.host for each in opened(stack, "127.0.0.1", "0.0.0.0")] == ["0.0.0.0"]


def test_two_colons_mean_both_families() -> None:
    with ExitStack() as stack:
        found = opened(stack, "::")
        families = {listener.host: listener for listener in found}
        assert set(families) == ({"0.0.0.0", "::"} if has_ipv6() else {"0.0.0.0"})
        port = found[0].port
        assert {listener.port for listener in found} == {port}
        assert peer_of(families["0.0.0.0"], socket.AF_INET, ("127.0.0.1", port)) == "127.0.0.1"
        if "::" in families:
            assert peer_of(families["::"], socket.AF_INET6, ("::1", port)) == "::1"
            assert families["::"].url == f"http://[::]:{port}"


def test_on_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "has_ipv6", lambda: False)
    with ExitStack() as stack, capture_logs() as log:
        assert [listener.host for listener in opened(stack, "::", "127.0.0.1")] == ["0.0.0.0"]
    assert [(line["event"], line["host"]) for line in log] == [("this machine has no IPv6", "::")]


def test_a_socket_for_both_families_gives_ipv4_addresses_in_ipv4_form() -> None:
    if not has_ipv6():
        return  # there is no such socket then
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as sock:
        passed = Listener(sock, tls=False)
        sock.setblocking(True)
        assert peer_of(passed, socket.AF_INET, ("127.0.0.1", passed.port)) == "127.0.0.1"
        assert peer_of(passed, socket.AF_INET6, ("::1", passed.port)) == "::1"


def test_brackets_and_zones() -> None:
    if not has_ipv6():
        with pytest.raises(CannotListen):
            open_listeners(["[::1]"], 0, tls=False)
        return
    with ExitStack() as stack:
        (listener,) = opened(stack, "[::1]")
        assert listener.url == f"http://[::1]:{listener.port}"
    with pytest.raises(CannotListen, match=r"cannot listen on \[fe80::1%nowhere\]:0: "):
        open_listeners(["fe80::1%nowhere"], 0, tls=False)


def test_the_error_names_the_address_and_nothing_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            CannotListen, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"
        ) as error:
            open_listeners([f"unix:{path}", "127.0.0.2", "127.0.0.1"], port, tls=False)
        assert error.value.number == errno.EADDRINUSE
    with ExitStack() as stack:
        opened(stack, "127.0.0.2", port=port)
    with pytest.raises(CannotListen, match=r"unix:.*/missing/x.sock: No such file or directory$"):
        open_listeners([f"unix:{path}", f"unix:{tmp_path}/missing/x.sock"], 0, tls=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CannotListen, match="this cannot be a name"):
        open_listeners(["a" * 64], 0, tls=False)


def test_a_port_that_is_free_on_one_address_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []
    real = listeners.bound

    def taken_at_first(endpoint: SocketAddress, port: int) -> socket.socket:
        if endpoint.address[0] == "127.0.0.2":
            ports.append(port)
            if len(ports) < 3:
                raise CannotListen("127.0.0.2", port, "Address already in use", errno.EADDRINUSE)
        return real(endpoint, port)

    monkeypatch.setattr(listeners, "bound", taken_at_first)
    with ExitStack() as stack:
        found = opened(stack, "127.0.0.1", "127.0.0.2")
        assert {listener.port for listener in found} == {ports[-1]}
    assert len(ports) == 3
    ports.clear()
    monkeypatch.setattr(listeners, "_MAX_PORTS_TRIED", 2)
    with pytest.raises(CannotListen, match=r"127\.0\.0\.2"):
        open_listeners(["127.0.0.1", "127.0.0.2"], 0, tls=False)


def test_an_abstract_socket_that_was_passed() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0reichatd-test")
        sock.listen()
        assert Listener(sock, tls=False).url == "unix:@reichatd-test"
