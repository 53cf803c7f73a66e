"""Long polls and event streams behind the proxies of etc/: nothing is held back on the way."""

import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trio

from tests.client import SECONDS, bearer, open_room, registered_user
from tests.doctor.nginx import nginx
from tests.doctor.test_recipes import BEHIND, caddy
from tests.end_to_end.conftest import QUICK
from tests.process import running


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
async def test_news_come_at_once(tmp_path: Path, proxy: str) -> None:
    async with running(tmp_path, **QUICK, **BEHIND) as daemon, await registered_user(daemon, "ada") as ada:
        room_id = await open_room(ada)
        with ExitStack() as stack:
            if proxy == "nginx":
                running_nginx = stack.enter_context(nginx(tmp_path / "nginx", daemon.port))
                url = running_nginx.url
                trust = ssl.create_default_context(cafile=running_nginx.environ["SSL_CERT_FILE"])
            else:
                url, trust = stack.enter_context(caddy(tmp_path, daemon.port)), ssl.create_default_context()
            headers = {**bearer(ada.access_token), "Accept-Encoding": "gzip"}
            begun = trio.Event()

            def poll() -> list[str]:
                query = f"{url}/room/{room_id}/messages?after_id=0&wait=30"
                answer = httpx.get(query, verify=trust, headers=headers, timeout=SECONDS)
                return [message["content"] for message in answer.json()["messages"]]

            def follow() -> str:
                """The first event."""
                stream = httpx.stream("GET", f"{url}/room/{room_id}/events", verify=trust, headers=headers)
                with stream as response:
                    pieces = response.iter_text()
                    assert next(pieces) == ":\n\n"
                    trio.from_thread.run_sync(begun.set)
                    return next(pieces)

            found: dict[str, object] = {}

            async def note(work: Callable[[], object]) -> None:
                found[work.__name__] = await trio.to_thread.run_sync(work)

            with trio.fail_after(SECONDS):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(note, poll)
                    nursery.start_soon(note, follow)
                    await begun.wait()
                    await ada.call("POST", f"/room/{room_id}/messages", 201, content="news")
            assert found["poll"] == ["news"]
            assert '"content":"news"' in str(found["follow"])
