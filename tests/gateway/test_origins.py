"""Origins of pages: our own, allowed ones, and others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reichatd.gateway.origins import AllowedOrigins, is_own, parse_origin
from tests.reload.running_parts import running_parts


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://example.com", "example.com"),
        ("https://example.com", "example.com:443"),
        ("https://example.com:443", "example.com"),
        ("wss://example.com", "example.com:443"),
        ("wss://example.com:443", "EXAMPLE.com"),
        ("HTTPS://Example.COM", "example.com:"),
        ("https://example.com:8443", "example.com:8443"),
        ("https://[2001:DB8::1]", "[2001:db8::1]:443"),
        ("https://example.com", "example.com:0443"),
        ("http://example.com", "example.com"),
        ("ws://example.com:80", "example.com"),
        ("http://a:8000", "a:8000"),
        ("http://example.com:443", "example.com:443"),
        ("https://example.com/", "example.com"),
    ],
)
def test_a_page_of_our_own(origin: str, host: str) -> None:
    assert is_own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://example.com", "example.org"),
        ("https://example.com", "example.com:80"),
        ("https://example.com", "example.com:8443"),
        ("https://example.com:80", "example.com"),
        ("http://example.com:443", "example.com"),
        ("https://example.com.evil.org", "example.com"),
        ("https://evil@example.com", "example.com"),
        ("https://example.com//", "example.com"),
        ("https://example.com#", "example.com"),
        ("https://example.com:99999", "example.com:99999"),
        ("https://example.com:port", "example.com:port"),
        ("https://[::1", "[::1"),
        ("https://", ""),
        ("ftp://example.com", "example.com"),
        ("null", "null"),
        ("", ""),
    ],
)
def test_a_page_of_another_site(origin: str, host: str) -> None:
    assert not is_own(origin, host)


def test_sites_that_are_allowed() -> None:
    allowed = AllowedOrigins(["https://chat.example.org", "http://localhost:3000", "capacitor://localhost"])
    assert allowed
    for origin in ("https://chat.example.org:443", "HTTP://LOCALHOST:3000", "capacitor://localhost"):
        assert origin in allowed
    for origin in ("http://chat.example.org", "http://localhost", "null", "", "https://chat.example.org:99999"):
        assert origin not in allowed
    assert not AllowedOrigins([])
    assert "null" not in AllowedOrigins([])
    assert "null" in AllowedOrigins(["*"])


@pytest.mark.parametrize("origin", ["http://{}", "https://{}", "wss://{}", "http://{}/"])
async def test_clients_of_our_own_host_may_use_any_scheme(tmp_path: Path, origin: str) -> None:
    """Old clients do, since their libraries know one scheme only; so do clients behind proxies that speak TLS."""
    async with running_parts(tmp_path, {"server.trusted_proxies": ["127.0.0.1"]}) as house:
        host = f"127.0.0.1:{house.parts.gateway._listeners[0].port}"
        proxied = {"x-forwarded-proto": "https"}
        async with house.talk(origin=origin.format(host), **proxied) as talk:
            assert (await talk.receive())["type"] == "initial_state"


@given(st.text(), st.text())
def test_any_text_can_be_compared(origin: str, host: str) -> None:
    is_own(origin, host)
    parse_origin(f"https://{host}")
