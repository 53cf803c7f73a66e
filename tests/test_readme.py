"""What the README has people paste works when it is pasted."""

import json
import re
import subprocess
import sys
from pathlib import Path

import trio

from tests.mail.server import until
from tests.process import running

README = Path(__file__).parent.parent / "README.md"


def shell_blocks(section: str) -> str:
    """The shell blocks of a section, one behind the other."""
    text = README.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert blocks
    return "".join(blocks)


async def test_a_first_chat(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        script = shell_blocks("A first chat").replace("127.0.0.1:8000", f"127.0.0.1:{daemon.port}")
        script = script.replace(".venv/bin/python", sys.executable)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                shell: trio.Process = await nursery.start(_shell, f"set -e\n{script}")
                await until(daemon.codes)
                assert shell.stdin is not None
                await shell.stdin.send_all(f"{daemon.codes()[0]}\n".encode())
                assert shell.stdout is not None
                output = b"".join([chunk async for chunk in shell.stdout]).decode()
    frames = [json.loads(line) for line in output.splitlines() if '"type"' in line]
    assert [frame["type"] for frame in frames] == ["initial_state", "ack", "latest_message"]
    assert frames[-1]["message"]["content"] == "Hello, log!"
    assert output.count('{"message":"ok"') == 3


async def _shell(script: str, *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        ["bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        task_status=task_status,
    )
