"""Runs `reichatd doctor` as a process, and holds its findings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.process import environment

SECONDS = 60.0


class Result(NamedTuple):
    """The level of a finding, and its text with the remedy."""

    level: str
    text: str


class Examination:
    """The findings of one run of `reichatd doctor`. Blocks until it ends.

    Arguments:
        directory: the daemon's.
        arguments: of the command, beside --json.
        environ: settings, and other variables.
    """

    def __init__(self, directory: Path, *arguments: str, **environ: str) -> None:
        command = [sys.executable, "-W", "error", "-m", "reichatd", "doctor", "--json", *arguments]
        process = subprocess.run(
            command,
            env=environment(directory, environ),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert not process.stderr, process.stderr
        self.status = process.returncode
        self.output = process.stdout
        answer = json.loads(process.stdout)
        assert answer["status"] == self.status
        self.found: dict[str, Result] = {}
        for finding in answer["findings"]:
            assert finding["code"] not in self.found
            # Each problem has a remedy.
            assert finding["remedy"] or finding["level"] in ("ok", "skipped")
            self.found[finding["code"]] = Result(finding["level"], f"{finding['found']} → {finding['remedy']}")

    def __getitem__(self, code: str) -> Result:
        return self.found[code]

    def area(self, name: str) -> dict[str, str]:
        """The levels of the findings in one area, by subject."""
        return {
            code.partition(".")[2]: result.level for code, result in self.found.items() if code.startswith(f"{name}.")
        }
