"""Which connections are admitted, and which are displaced: the rules, without sockets."""

from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from reichatd.gateway.admission import FULL, PER_ADDRESS, STRANGERS, Admission, Admissions, TooManyConnections
from reichatd.gateway.forwarded import Proxies
from reichatd.rate_limits import Refusals
from reichatd.settings import LimitSettings, LiveSettings, Settings
from tests.unlimited import UNLIMITED

HERE, THERE, PROXY = "192.0.2.1", "192.0.2.2", "10.0.0.1"


class Stream:
    """A connection; when it is closed, its name is added to `closed`."""

    def __init__(self, name: str, closed: list[str]) -> None:
        self._name = name
        self._closed = closed

    def has_unread(self) -> bool:
        return self._name == "sends"

    def close(self) -> None:
        self._closed.append(self._name)


class Door:
    """Admissions with these limits; `closed` has the connections that were displaced."""

    def __init__(self, **limits: int) -> None:
        self.refusals = Refusals()
        settings = LiveSettings(Settings(limits=LimitSettings(**{**UNLIMITED, **limits})))
        self.now = 0.0
        self.admissions = Admissions(settings, Proxies((PROXY,)), self.refusals, clock=lambda: self.now)
        self.closed: list[str] = []
        self._idle = ExitStack()

    def admit(self, address: str = HERE, name: str = "") -> Admission:
        return self.admissions.admit(address, Stream(name, self.closed))

    def idle(self, address: str = HERE, name: str = "") -> Admission:
        admission = self.admit(address, name)
        self._idle.enter_context(admission.idle())
        return admission


def test_each_address_has_its_own_connections() -> None:
    door = Door(connections_per_address=2)
    first, _ = door.admit(), door.admit()
    with pytest.raises(TooManyConnections):
        door.admit()
    door.admit(THERE)
    first.leave()
    first.leave()
    door.admit()
    assert door.refusals.counts == {PER_ADDRESS: 1}


def test_a_network_of_ipv6_is_one_client() -> None:
    door = Door(connections_per_address=2)
    for address in ("2001:db8::1", "2001:db8::ffff"):
        door.admit(address)
    with pytest.raises(TooManyConnections):
        door.admit("2001:db8::2")
    door.admit("2001:db8:0:1::1")


def test_who_logs_in_is_no_stranger() -> None:
    door = Door(strangers_per_address=2)
    for _ in range(10):
        door.admit().authenticated()
    leaving, _ = door.admit(), door.admit()
    with pytest.raises(TooManyConnections):
        door.admit()
    assert door.refusals.counts == {STRANGERS: 1}
    leaving.leave()
    door.admit()


def test_an_address_displaces_its_own_idle_strangers_first() -> None:
    door = Door(strangers_per_address=3)
    door.idle(THERE, "elsewhere")
    door.admit(name="busy")
    for name in ("one", "two", "three", "four"):
        door.idle(name=name)
    assert door.closed == ["one", "two"]
    assert door.refusals.counts == {STRANGERS: 2}


def test_the_longest_idle_stranger_makes_room() -> None:
    door = Door()
    assert not door.admissions.displace()
    door.idle(name="logged in").authenticated()
    door.admit(name="busy")
    twice = door.admit(name="twice")
    with twice.idle():
        door.idle(THERE, "silent")
    with twice.idle():
        assert door.admissions.displace()
        assert door.admissions.displace()
        assert not door.admissions.displace()
    assert door.closed == ["silent", "twice"]
    assert door.refusals.counts == {FULL: 2}


def test_a_full_daemon_says_so_once_a_minute() -> None:
    door = Door()
    with capture_logs() as logs:
        for now in (0.0, 59.0, 60.0, 61.0):
            door.now = now
            door.idle()
            assert door.admissions.displace()
    assert [line["closed"] for line in logs] == [1, 3]


def test_a_client_that_has_just_sent_something_is_not_idle() -> None:
    door = Door(strangers_per_address=2)
    door.idle(name="sends")
    assert not door.admissions.displace()
    door.idle(name="silent")
    door.idle(name="sends")
    with pytest.raises(TooManyConnections):
        door.admit()
    door.idle(THERE, name="silent, too")
    assert door.admissions.displace()
    assert door.closed == ["silent", "silent, too"]


def test_a_client_is_idle_that_only_sends_what_is_not_read() -> None:
    """For example requests behind a response that it does not take."""
    door = Door()
    pipelining = door.admit(name="sends")
    with pipelining.idle(is_reading=False):
        assert door.admissions.displace()
    pipelining = door.admit(name="sends")
    with pipelining.idle(is_reading=False):
        pass
    with pipelining.idle():
        assert not door.admissions.displace()
    assert door.closed == ["sends"]


def test_an_answer_that_is_held_back_is_idle_but_not_behind_a_proxy() -> None:
    door = Door(strangers_per_address=1)
    proxied = door.admit(PROXY, "proxied")
    proxied.begin_request(HERE)
    with proxied.held_back():
        with pytest.raises(TooManyConnections):
            door.admit(PROXY).begin_request(HERE)
        assert not door.admissions.displace()
    with door.admit(THERE, "sends").held_back():
        door.admit(THERE)
    assert door.closed == ["sends"]


def test_sockets_of_a_unix_socket_are_not_counted() -> None:
    door = Door(connections_per_address=1)
    for _ in range(3):
        door.idle("unix")
    assert not door.admissions.displace()


def test_the_clients_of_a_trusted_proxy_are_told_apart() -> None:
    door = Door(connections_per_address=2)
    through = [door.admit(PROXY) for _ in range(5)]
    through[0].begin_request(HERE)
    through[1].begin_request(f"invented, {HERE}")
    with pytest.raises(TooManyConnections):
        through[2].begin_request(HERE)
    assert through[2].address == HERE
    through[3].begin_request(THERE)
    through[4].begin_request("")
    through[0].end_request()
    through[0].begin_request(THERE)
    through[2].begin_request(HERE)


def test_an_untrusted_peer_cannot_say_who_it_is() -> None:
    door = Door(connections_per_address=1)
    admission = door.admit()
    admission.begin_request(THERE)
    assert admission.address == HERE
    with pytest.raises(TooManyConnections):
        door.admit()


def test_a_request_of_another_client_makes_a_stranger_again() -> None:
    door = Door(strangers_per_address=1)
    proxied = door.admit(PROXY)
    proxied.begin_request(HERE)
    proxied.authenticated()
    proxied.end_request()
    proxied.begin_request(THERE)
    with pytest.raises(TooManyConnections):
        door.admit(THERE)


def test_nothing_is_kept_of_clients_that_have_left() -> None:
    door = Door(strangers_per_address=1)
    for number in range(20):
        admission = door.idle(f"192.0.2.{number}")
        admission.authenticated()
        admission.leave()
        door.idle(f"192.0.2.{number}").leave()
    door.idle(name="displaced")
    door.admissions.displace()
    assert len(door.admissions) == 0
