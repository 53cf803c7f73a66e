"""The rules of the house that tools can hold: format, lint, types, the directions of imports, the top level."""

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
def test_the_house_is_clean(command: list[str]) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_else_lies_at_the_top() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.partition("/")[0] for line in files.splitlines() if not line.startswith(".")}
    assert top == {"reichatd", "etc", "systemd", "tests", "pyproject.toml", "CHANGELOG.md", "README.md", "LICENSE"}
