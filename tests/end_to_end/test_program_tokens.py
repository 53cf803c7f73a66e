"""A token for programs opens sockets, within its scopes and rooms."""

from typing import Any

from tests.client import Person, open_room, registered_user, talk_at
from tests.process import DaemonProcess


async def make_token(person: Person, *scopes: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return await person.call("POST", "/user/tokens", 201, name="Robot", scopes=scopes, **fields)


def url(person: Person, room_id: str, token: str) -> str:
    return f"{person.url.replace('http', 'ws', 1)}/ws/chat/{room_id}?token={token}"


async def test_sockets_of_a_program(daemon: DaemonProcess) -> None:
    async with await registered_user(daemon, "ada") as ada:
        room_id, other = await open_room(ada), await open_room(ada)
        reader = (await make_token(ada, "read"))["token"]
        writer = await make_token(ada, "read", "write", rooms=[room_id])
        async with talk_at(url(ada, room_id, reader)) as talk:
            await talk.start_listening()
            refused = await talk.submit("Hello", "1")
            assert (refused["type"], refused["code"]) == ("error", "forbidden")
            await talk.send("set_last_read", message_id=1)
            assert (await talk.receive("error"))["code"] == "forbidden"
            async with talk_at(url(ada, room_id, ""), Authorization=f"Bearer {writer['token']}") as writing:
                assert await writing.post("Hello", "1") == 1
                assert (await talk.latest(1))[0]["user_id"] == ada.user_id
                async with talk_at(url(ada, other, writer["token"])) as elsewhere:
                    assert await elsewhere.closed() == (1008, "This token is for other rooms")
                blind = (await make_token(ada, "write"))["token"]
                async with talk_at(url(ada, room_id, blind)) as unseeing:
                    assert (await unseeing.closed())[0] == 1008
                await ada.call("DELETE", f"/user/tokens/{writer['token_id']}")
                assert (await writing.closed())[0] == 4001
            async with talk_at(url(ada, room_id, writer["token"])) as ended:
                assert (await ended.closed())[0] == 4001
            await ada.call("PUT", "/user/password", password="a good password", new_password="a better password")
            assert await talk.synchronise() == []
