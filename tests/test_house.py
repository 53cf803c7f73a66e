"""Checks of the whole repository: format, lint, types, directions of imports, top level, README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([BIN / "ruff", "format", "--check", "."], id="format"),
        pytest.param([BIN / "ruff", "check", "."], id="lint"),
        pytest.param([BIN / "mypy"], id="types"),
        pytest.param([BIN / "lint-imports"], id="imports"),
    ],
)
def test_a_check_passes(command: list[str]) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_top_level_has_only_known_files() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.partition("/")[0] for line in files.splitlines() if not line.startswith(".")}
    assert top == {"reichatd", "etc", "systemd", "tests", "pyproject.toml", "CHANGELOG.md", "README.md", "LICENSE"}


README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([\w./-]+)`")


def test_the_map_in_the_readme_is_true_and_complete() -> None:
    rows = re.findall(r"^\| (`\w.+) \| (.+) \|$", README.partition("\n## The source\n")[2], re.MULTILINE)
    assert rows
    mapped = set()
    for where, what in rows:
        first, *others = CODE.findall(where)
        places = [ROOT / first, *((ROOT / first.rstrip("/")).parent / other for other in others)]
        for place in places:
            assert place.exists(), place
        for inner in CODE.findall(what):
            if inner.endswith((".py", "/")):
                assert any((place / inner).exists() for place in places), inner
        mapped |= set(places)
    packages = {path for path in (ROOT / "reichatd").iterdir() if path.is_dir() and any(path.glob("*.[pjc]*"))}
    assert {path for path in packages if path.name != "__pycache__"} <= mapped


def test_the_readme_is_short_and_its_links_exist() -> None:
    assert len(README.encode()) <= 6 * 1024
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link
