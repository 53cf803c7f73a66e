"""Proofs for the keys of direct conversations, blocks and privacy, and of what the page shows of the instance."""

from pathlib import Path

from reichatd.api.web import FILES
from reichatd.logo import read_logo
from tests.reload.proofs import proves
from tests.reload.running_parts import RunningParts, running_parts

OTHERS = ("eve", "zoe")


async def open_direct(running: RunningParts, user_id: str) -> int:
    return (await running.call("POST", "/direct", json={"user_id": user_id})).status_code


@proves("direct.from")
async def who_may_begin_a_direct_conversation(directory: Path, key: str) -> None:
    async with running_parts(directory) as running:
        running.reload(key, "nobody")
        assert await open_direct(running, "bob") == 403
        running.reload(key, "anyone")
        assert await open_direct(running, "bob") == 201


@proves("limits.directs_per_user_hour", "limits.blocks_per_user")
async def how_many_others(directory: Path, key: str) -> None:
    async with running_parts(directory, {"direct.from": "anyone"}) as running:
        for name in OTHERS:
            await running.newcomer(name)

        async def attempts() -> set[int]:
            """The statuses of three attempts, each about another user."""
            if key.startswith("limits.directs"):
                return {await open_direct(running, name) for name in ("bob", *OTHERS)}
            return {(await running.call("PUT", f"/user/blocks/{name}")).status_code for name in ("bob", *OTHERS)}

        running.reload(key, 2)
        assert await attempts() > {429 if key.startswith("limits.directs") else 409}
        running.reload(key, 0)
        assert not await attempts() & {409, 429}


@proves("privacy.emails")
async def who_sees_addresses(directory: Path, key: str) -> None:
    async with running_parts(directory) as running, running.talk() as talk:
        await talk.post("text", "1")
        for emails, shown in (("shared_room", "ada@example.org"), ("nobody", ""), ("everyone", "ada@example.org")):
            running.reload(key, emails)
            assert [message["email"] for message in await talk.fetch(1, 1)] == [shown]
            bob = (await running.call("GET", "/user/bob")).json()["user_details"]
            assert bob["email"] == shown.replace("ada", "bob")


@proves("web.name", "web.logo")
async def what_the_page_shows(directory: Path, key: str) -> None:
    async with running_parts(directory, {"web.name": "Old", "web.logo": "old.svg"}) as running:
        before = (await running.call("GET", "/", headers={"Accept": "text/html"})).text
        logo = read_logo(FILES / "icon.svg") if key == "web.logo" else None
        running.reload(key, "New", logo=logo)
        page = (await running.call("GET", "/", headers={"Accept": "text/html"})).text
        about = (await running.call("GET", "/about")).json()
        if logo is None:
            assert ("<title>Old" in before, "<title>New" in page, about["name"]) == (True, True, "New")
            assert running.parts.outbox.sender.display_name == "New"
        else:
            assert (logo.path in before, logo.path in page, about["logo"]) == (False, True, logo.path)
            running.reload(key, "none", logo=None)
            assert (await running.call("GET", "/about")).json()["logo"] == ""
