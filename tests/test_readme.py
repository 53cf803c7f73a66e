"""What the README has people paste works when it is pasted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.client import PASSWORD, newcomer, open_room
from tests.end_to_end.conftest import QUICK
from tests.mail.server import until
from tests.node import NODE
from tests.process import DaemonProcess, running

README = Path(__file__).parent.parent / "README.md"


def blocks_of(section: str, language: str) -> str:
    """The blocks of a section that are in this language, one behind the other."""
    text = README.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert blocks
    return "".join(blocks)


async def test_a_first_chat(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        script = blocks_of("A first chat", "sh").replace("127.0.0.1:8000", f"127.0.0.1:{daemon.port}")
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


@pytest.mark.parametrize(
    ("language", "interpreter", "suffix"), [("python", sys.executable, "py"), ("javascript", NODE, "mjs")]
)
async def test_the_way_to_lose_nothing(tmp_path: Path, language: str, interpreter: str, suffix: str) -> None:
    script, output = tmp_path / f"client.{suffix}", tmp_path / "said"
    script.write_text(blocks_of("For authors of clients", language), encoding="utf-8")
    daemon = DaemonProcess(tmp_path, QUICK)
    try:
        await daemon.start()
        async with await newcomer(daemon, "ada") as ada, await newcomer(daemon, "bob") as bob:
            room_id = await open_room(bob, ada)
            client = {"SERVER": daemon.url, "ROOM": room_id, "WORDS": "Grüße", "EMAIL": ada.email, "PASSWORD": PASSWORD}
            with output.open("wb") as file:
                command, environ = [interpreter, str(script)], {**os.environ, **client}
                process = subprocess.Popen(command, stdout=file, stderr=file, env=environ)  # noqa: ASYNC220
            try:
                with trio.fail_after(60):
                    await until(lambda: "1 ada: Grüße\n" in output.read_text(encoding="utf-8"))
                    daemon.kill()
                    await daemon.start()
                    async with bob.talk(room_id) as talk:
                        for number in range(3):
                            await talk.post(f"Word {number}", str(number))
                    await until(lambda: "4 bob" in output.read_text(encoding="utf-8"))
                    assert await daemon.stop() == 0
                    await daemon.start()
                    async with bob.talk(room_id) as talk:
                        await talk.post("Word 3", "3")
                    await until(lambda: "5 bob" in output.read_text(encoding="utf-8"))
                    await bob.call("POST", f"/room/{room_id}/ban/{ada.user_id}")
                    await until(lambda: process.poll() is not None)
            finally:
                process.kill()
                process.wait()
        assert await daemon.stop() == 0
    finally:
        daemon.kill()
    said = ["1 ada: Grüße", "2 bob: Word 0", "3 bob: Word 1", "4 bob: Word 2", "5 bob: Word 3"]
    assert output.read_text(encoding="utf-8").splitlines()[:5] == said


async def _shell(script: str, *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        ["bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        task_status=task_status,
    )
