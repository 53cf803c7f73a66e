"""Which files are a logo."""

import os
import struct
from pathlib import Path

import pytest

from reichatd.api.web import FILES
from reichatd.logo import MOST_BYTES, read_logo

PNG = (FILES / "icon-192.png").read_bytes()


def sized(width: int, height: int) -> bytes:
    return PNG[:16] + struct.pack(">II", width, height) + PNG[24:]


def test_svg_and_png_are_told_by_their_content(tmp_path: Path) -> None:
    for name, kind in (
        ("icon.svg", (".svg", "image/svg+xml", "any")),
        ("icon-512.png", (".png", "image/png", "512x512")),
    ):
        file = tmp_path / "logo"
        file.write_bytes((FILES / name).read_bytes())
        logo = read_logo(file)
        assert (logo.suffix, logo.content_type, logo.sizes) == kind
        assert logo.data == file.read_bytes()
        assert logo.path.startswith("web/logo/")
        assert logo.path.endswith(logo.suffix)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither PNG nor SVG"),
        (b"GIF89a", "neither PNG nor SVG"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "outermost element"),
        (b"<svg/>", "outermost element"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", "neither PNG nor SVG"),
        (PNG[:20], "damaged PNG"),
        (sized(192, 200), "192 x 200 pixels; allowed: a square of 192 to 1024"),
        (sized(64, 64), "64 x 64 pixels"),
        (sized(4096, 4096), "4096 x 4096 pixels"),
        (PNG + bytes(MOST_BYTES), "more than 262_144 bytes"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "logo"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_logo(file)


def test_a_file_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="neither"):
        read_logo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(OSError, match=str(path)):
            read_logo(path)
