"""Hosts in the settings."""

import pytest

from reichatd.hosts import bare, is_local, is_well_formed, unix_path, with_port


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST", "unix:/run/a.sock"]
)
def test_local_hosts(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "[::]", "10.0.0.1", "::ffff:10.0.0.1", "chat.example.org", "localhost.example.org", ""]
)
def test_hosts_that_other_machines_can_reach(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize(
    ("host", "well_formed"),
    [
        ("chat.example.org", True),
        ("::1", True),
        ("[fe80::1%eth0]", True),
        ("unix:/run/a:b", True),
        ("127.0.0.1:8000", False),
        ("[::1]:8000", False),
        ("[127.0.0.1]", False),
        ("::g", False),
        ("höst", True),
        ("unix:/run/a b.sock", True),
        *(
            (host, False)
            for host in ("", "a b", "a/b", "u@h", "a\n", "a,b", "unix:", "unix:a", "unix:/", "unix:/a\n", "unix:/a,b")
        ),
    ],
)
def test_well_formed_hosts(host: str, well_formed: bool) -> None:
    assert is_well_formed(host) == well_formed


def test_hosts_in_urls() -> None:
    assert with_port("::1", 80) == with_port("[::1]", 80) == "[::1]:80"
    assert with_port("localhost", 80) == "localhost:80"
    assert with_port("unix:/a", 0) == "unix:/a"
    assert (unix_path("unix:/a"), unix_path("localhost"), bare("[::1]"), bare("a")) == ("/a", "", "::1", "a")
