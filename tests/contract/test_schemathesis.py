"""Schemathesis tests a real daemon: every response must match the OpenAPI document."""

import os
import re
import subprocess
import sys
from pathlib import Path

import trio

from tests.client import open_room, registered_user
from tests.end_to_end.conftest import QUICK
from tests.process import running

CONFIG = Path(__file__).with_name("schemathesis.toml")


async def test_every_response_is_documented(tmp_path: Path) -> None:
    settings = QUICK | {"REICHATD_LIMITS_POLL_SECONDS": "0.01"}
    async with running(tmp_path, **settings) as daemon, await registered_user(daemon, "ada") as ada:
        await open_room(ada, room_id="lounge")
        await open_room(ada, room_id="doomed")
        refresh_token, access_token = ada.refresh_token, ada.access_token
        await ada.log_in()
        tokens = {"ACCESS_TOKEN": access_token, "REFRESH_TOKEN": refresh_token, "LEAVING_TOKEN": ada.access_token}
        await ada.log_in()
        tokens["ROTATING_TOKEN"] = ada.refresh_token
        done = await trio.run_process(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG),
                *("run", f"{daemon.url}/openapi.json"),
            ],
            env={**os.environ, **tokens},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        report = done.stdout.decode()
        assert done.returncode == 0, report
        paths = (await ada.http.get("/openapi.json")).json()["paths"]
        del paths["/openapi.json"]  # schemathesis does not test the path of the document itself
        assert re.search(rf"Tested: +{sum(map(len, paths.values()))}\b", report), report
        assert "Traceback" not in daemon.output
