"""The logo of an instance: an SVG or PNG file that the settings name."""

import hashlib
import os
import struct
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

MOST_BYTES: Final = 262_144
"""Every visitor loads it. A logo usually has a few KiB."""
LEAST_PIXELS: Final = 192
"""What browsers ask of the icon of an installed app (W3C, Web Application Manifest)."""
MOST_PIXELS: Final = 1024

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_SIZE = struct.Struct(">II")
_SVG_ROOT = "{http://www.w3.org/2000/svg}svg"


class Logo(NamedTuple):
    """A logo. `sizes` is as in a manifest: "192x192", or "any" for an SVG."""

    data: bytes
    suffix: str
    content_type: str
    sizes: str

    @property
    def path(self) -> str:
        """Where the daemon serves it, relative to its URL. The path has a hash of the content, so it can be cached for ever."""
        return f"web/logo/{hashlib.sha256(self.data).hexdigest()[:20]}{self.suffix}"


class LiveLogo:
    """Holds the logo in force, which a reload replaces; None if the instance has none. For the event loop."""

    __slots__ = ("current",)

    def __init__(self, logo: Logo | None = None) -> None:
        self.current = logo


def read_logo(file: Path) -> Logo:
    """Reads and checks a logo. Waits for the disk.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no logo; the text says why.
    """
    with open(file, "rb", opener=_without_waiting) as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"has more than {MOST_BYTES:_} bytes")
    return _png(data) if data.startswith(_PNG[:8]) else _svg(data)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a pipe would wait for its writer


def _png(data: bytes) -> Logo:
    if not data.startswith(_PNG) or len(data) < len(_PNG) + _SIZE.size:
        raise ValueError("is a damaged PNG file")
    width, height = _SIZE.unpack_from(data, len(_PNG))
    if width != height or not LEAST_PIXELS <= width <= MOST_PIXELS:
        allowed = f"a square of {LEAST_PIXELS} to {MOST_PIXELS} pixels"
        raise ValueError(f"is a PNG file of {width} x {height} pixels; allowed: {allowed}")
    return Logo(data, ".png", "image/png", f"{width}x{height}")


def _svg(data: bytes) -> Logo:
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError(f"is neither PNG nor SVG ({error})") from error
    if root.tag != _SVG_ROOT:
        raise ValueError(f"is neither PNG nor SVG: its outermost element is not svg in {_SVG_ROOT[1:-4]}")
    return Logo(data, ".svg", "image/svg+xml", "any")
