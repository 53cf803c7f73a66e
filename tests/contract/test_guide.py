"""The guide for client authors: its examples work, and the daemon serves it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
import trio

from reichatd import contract
from tests.api.conftest import Api
from tests.client import PASSWORD, open_room, registered_user
from tests.contract.test_pages import get
from tests.end_to_end.conftest import QUICK
from tests.mail.server import until
from tests.node import NODE
from tests.process import DaemonProcess, running

GUIDE = Path(contract.__file__).parent / "templates" / "guide.md"


def blocks_of(section: str, language: str) -> str:
    """The code blocks of a section in this language, concatenated."""
    text = GUIDE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
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


async def test_by_http_only(tmp_path: Path) -> None:
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        await open_room(ada, room_id="lounge")
        script = f"set -e\napi={daemon.url}\ntoken={ada.access_token}\n{blocks_of('By HTTP only', 'sh')}"
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                shell: trio.Process = await nursery.start(_shell, script)
                assert shell.stdout is not None
                output = b""
                while b"\n\nid: 1.0\ndata: " not in output or not output.endswith(b"}\n\n"):
                    output += await shell.stdout.receive_some()
                nursery.cancel_scope.cancel()
    assert output.startswith(b'{"message":"ok","message_id":1}\n:\n\n')


class Example:
    """One of the guide's two clients, saved and started as the guide says."""

    def __init__(self, directory: Path, language: str) -> None:
        interpreter, self._called, name = {
            "python": (sys.executable, ".venv/bin/python", "chat.py"),
            "javascript": (NODE, "node", "chat.mjs"),
        }[language]
        self._command = [interpreter, name]
        self._directory = directory
        section = {"python": "In Python", "javascript": "In JavaScript"}[language]
        (directory / name).write_text(blocks_of(section, language), encoding="utf-8")
        lines = blocks_of(section, "sh").splitlines()
        (line,) = (line for line in lines if line.endswith(f" {self._called} {name}"))
        *assignments, _, _ = shlex.split(line)
        self.given = dict(assignment.split("=", 1) for assignment in assignments)
        self._output = directory / "chat.out"
        self._errors = directory / "chat.err"

    @property
    def output(self) -> list[str]:
        return self._output.read_text(encoding="utf-8").splitlines()

    @property
    def errors(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    @contextmanager
    def started(self, *options: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        """Runs the example with the command of the guide.

        Arguments:
            options: of the interpreter.
            environ: replaces values of the guide's command.
        """
        assert environ.keys() <= self.given.keys()
        interpreter, name = self._command
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            process = subprocess.Popen(
                [interpreter, *options, name],
                cwd=self._directory,
                stdout=output,
                stderr=errors,
                env={**os.environ, **self.given, **environ},
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


LANGUAGES = ["python", "javascript"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_examples_lose_no_message(tmp_path: Path, language: str) -> None:
    example = Example(tmp_path, language)
    daemon = DaemonProcess(tmp_path, QUICK)
    try:
        await daemon.start()
        async with await registered_user(daemon, "ada") as ada, await registered_user(daemon, "bob") as bob:
            room_id = await open_room(bob, ada)
            client = {"SERVER": daemon.url, "ROOM": room_id, "WORDS": "Grüße", "EMAIL": ada.email, "PASSWORD": PASSWORD}
            with example.started(**client) as process, trio.fail_after(60):
                await until(lambda: "1 ada: Grüße" in example.output, 60)
                daemon.kill()
                await daemon.start()
                async with bob.talk(room_id) as talk:
                    for number in range(3):
                        await talk.post(f"Word {number}", str(number))
                await until(lambda: "4 bob: Word 2" in example.output, 60)
                assert await daemon.stop() == 0
                await daemon.start()
                async with bob.talk(room_id) as talk:
                    await talk.post("Word 3", "3")
                await until(lambda: "5 bob: Word 3" in example.output, 60)
                await bob.call("POST", f"/room/{room_id}/ban/{ada.user_id}")
                await until(lambda: process.poll() is not None, 60)
        assert await daemon.stop() == 0
    finally:
        daemon.kill()
    assert example.output == ["1 ada: Grüße", "2 bob: Word 0", "3 bob: Word 1", "4 bob: Word 2", "5 bob: Word 3"]
    assert "again in" in example.errors
    assert "1008" in example.errors


@pytest.mark.parametrize("language", LANGUAGES)
async def test_permanent_errors_are_reported_and_end_the_client(tmp_path: Path, language: str) -> None:
    example = Example(tmp_path, language)
    async with running(tmp_path, **QUICK) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        client = {"SERVER": daemon.url, "ROOM": room_id, "EMAIL": ada.email, "PASSWORD": PASSWORD}
        for wrong, reported in (
            ({"PASSWORD": "wrong"}, "400" if language == "python" else "Invalid password"),
            ({"ROOM": "nowhere"}, "1008"),
            ({"WORDS": "x" * 70_000}, "1009"),
        ):
            with example.started(**(client | wrong)) as process:
                await until(lambda: process.poll() is not None, 60)
                assert process.returncode == 1
            assert reported in example.errors
        with example.started(**(client | {"WORDS": " "})) as process:
            await until(lambda: "bad_content" in example.errors)


async def test_a_node_without_websocket_is_reported_at_once(tmp_path: Path) -> None:
    example = Example(tmp_path, "javascript")
    with example.started("--no-experimental-websocket") as process:
        await until(lambda: process.poll() is not None)
        assert process.returncode == 1
    assert "this needs Node 22 or later" in example.errors


async def test_it_is_served_without_scripts_and_its_links_work(api: Api) -> None:
    response, text = await get(api, "/docs/guide")
    assert response.content_type == "text/html; charset=utf-8"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|<img|\son\w+=|\sstyle=", text)
    links = re.findall(r'(?:href|src)="([^"#]+)"', text)
    assert links
    for link in links:
        await get(api, urljoin("/docs/guide", link))
    places = re.findall(r'\sid="([^"]+)"', text)
    assert len(set(places)) == len(places)
    assert re.findall(r'href="#([^"]+)"', text) == places


async def test_the_page_has_every_section(api: Api) -> None:
    _, text = await get(api, "/docs/guide")
    source = GUIDE.read_text(encoding="utf-8")
    for title in re.findall(r"^## (.+)$", source, re.MULTILINE):
        assert f">{title}</h2>" in text
    for block in re.findall(r"^```\w+\n(.*?)```", source, re.DOTALL | re.MULTILINE):
        assert block in unescape(text)


async def _shell(script: str, *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        ["bash", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        task_status=task_status,
    )
