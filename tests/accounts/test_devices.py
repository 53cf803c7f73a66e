import pytest

from reichatd.accounts.devices import MOST_CHARS, device_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("header", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "Firefox on Linux"),
        (CHROME, "Chrome on Linux"),
        (f"{CHROME} Edg/141.0.0.0".replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64"), "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 "
            "Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (CHROME.replace("X11; Linux x86_64", "Linux; Android 16; Pixel 9"), "Chrome on Android"),
        ("Mozilla/5.0 (compatible; Something/1.0)", "Mozilla"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("curl/8.14.1", "curl"),
        ("x" * 1000, "x" * MOST_CHARS),
        ("", ""),
        ("<script>", ""),
        ("\u202eevil", ""),
    ],
)
def test_devices(header: str, device: str) -> None:
    assert device_of(header) == device
