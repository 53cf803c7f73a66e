"""The client's address and scheme behind proxies."""

import pytest

from reichatd.gateway.forwarded import Proxies, RequestOrigin

PROXY = RequestOrigin("10.0.0.1", "http")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proto", "expected"),
    [
        (RequestOrigin("192.0.2.7", "http"), "203.0.113.9", "https", RequestOrigin("192.0.2.7", "http")),  # not trusted
        (PROXY, "", "", PROXY),
        (PROXY, "203.0.113.9", "https", RequestOrigin("203.0.113.9", "https")),
        (
            PROXY,
            "1.2.3.4, 203.0.113.9",
            "https",
            RequestOrigin("203.0.113.9", "https"),
        ),  # the client may have invented the first
        (PROXY, "203.0.113.9, 10.0.0.2", "HTTPS", RequestOrigin("203.0.113.9", "https")),
        (PROXY, "10.0.0.3, 10.0.0.2", "", RequestOrigin("10.0.0.3", "http")),
        (PROXY, "203.0.113.9", "javascript", RequestOrigin("203.0.113.9", "http")),
        (RequestOrigin("::ffff:10.0.0.1", "http"), "2001:db8::1", "", RequestOrigin("2001:db8::1", "http")),
        (PROXY, "203.0.113.9, not an address", "https", RequestOrigin("10.0.0.1", "https")),
        (RequestOrigin("fe80::1%eth0", "http"), "203.0.113.9", "", RequestOrigin("fe80::1%eth0", "http")),
    ],
)
def test_origin(peer: RequestOrigin, forwarded_for: str, proto: str, expected: RequestOrigin) -> None:
    assert Proxies(["10.0.0.0/8"]).origin(peer, forwarded_for, proto) == expected


def test_clients_of_a_unix_socket_are_trusted_only_if_configured() -> None:
    by_unix = RequestOrigin("unix", "http")
    assert Proxies(["unix"])
    assert Proxies(["unix"]).origin(by_unix, "203.0.113.9", "https") == RequestOrigin("203.0.113.9", "https")
    assert Proxies(["unix"]).origin(PROXY, "203.0.113.9", "https") == PROXY
    assert Proxies(["0.0.0.0/0", "::/0"]).origin(by_unix, "203.0.113.9", "https") == by_unix
    assert Proxies(["unix"]).origin(by_unix, "203.0.113.9, unix", "") == by_unix, (
        "an address that the client has invented"
    )


def test_without_proxies_no_header_is_trusted() -> None:
    assert not Proxies([])
    assert Proxies([]).origin(PROXY, "203.0.113.9", "https") == PROXY
