"""Posting: what is stored, acknowledged and refused."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.client import Talk, open_room, registered_users
from tests.process import DaemonProcess, running

ONE_EMOJI = "\N{WOMAN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"
TEXTS = {
    "nul": "before\x00after",
    "controls": "bell \x07 escape \x1b[31m delete \x7f",
    "right to left": "שלום \u202eoverride\u202c עולם",
    "combining": "e\u0301 o\u0323\u0302 " + "Z" + "\u0351" * 50,
    "not normalised": "\u00e9 e\u0301 \ufb01 \u212b",
    "joined": ONE_EMOJI + " \N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "beyond the basic plane": "\U0001d573 \U0010ffff \U00020000",
    "invisible": "a\u200bb\u2060c\ufeffd\u00ade",
    "noncharacters": "\ufffe \uffff \ufdd0 \ufffd",
    "lines": "one\ntwo\r\nthree\u2028four\u2029five\u0085six",
    "json": '"quoted" \\ back \\u0041 </script>',
    "mongodb": "$where: {$gt: 1} . a.b",
    "sql": "'; DROP TABLE messages; --",
    "inner space": "a \t \u3000 b",
}


async def stored(talk: Talk) -> list[str]:
    return [message["content"] for message in await talk.fetch(1, 1000)]


async def refusal(talk: Talk, **frame: str) -> dict[str, Any]:
    await talk.send("message", **frame)
    error = await talk.receive()
    assert error["type"] == "error"
    assert error["message"]
    return error


async def test_unicode_is_stored_unchanged(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as listener:
            await listener.send("listen_latest", after_id=0)
            for number, text in enumerate(TEXTS.values(), 1):
                assert await talk.post(text, text[:64]) == number
            heard = [message["content"] for message in await listener.latest(len(TEXTS))]
            assert heard == list(TEXTS.values())
            assert await stored(talk) == heard
        async with bob.talk(room_id) as talk:
            assert [message["content"] for message in (await talk.receive())["messages"]] == heard


async def test_escaped_and_unescaped_text_are_equal(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.websocket.send_message('{"type":"message","nonce":"n","content":"Grüße, \\ud83d\\ude00😀"}')
            assert await talk.receive() == {"type": "ack", "nonce": "n", "message_id": 1}
            assert await stored(talk) == ["Grüße, 😀😀"]


async def test_messages_are_stripped(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            for number, text in enumerate(("  hello  ", "\n\thello\r\n", "\u3000hello\u2003", "hello"), 1):
                assert await talk.post(text, text) == number
            assert await stored(talk) == ["hello"] * 4
            for empty in (
                "",
                " ",
                "\n\t\r\n",
                "\u3000\u2003\u00a0",
                "\u3164",
                "\u200b\u2060",
                "\u2800",
                "\0",
                "\0\u00ad",
            ):
                error = await refusal(talk, content=empty, nonce="e")
                assert (error["code"], error["nonce"]) == ("bad_content", "e")
            assert "nothing to see" in (await refusal(talk, content="\u200b" * 9, nonce="e"))["message"]
            assert len(await stored(talk)) == 4


async def test_pasted_lines_keep_their_indentation(daemon: DaemonProcess) -> None:
    code = "    if true:\n        return"
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            assert await talk.post(f" \n\r\n{code}  \n\t\n", "n") == 1
            assert await stored(talk) == [code]
            assert await talk.post(" " + "x\n" * 2499 + "x" + "\n" * 10, "most") == 2
            assert len((await stored(talk))[1]) == 5000
            assert (await refusal(talk, content="  " + "x\n" * 2499 + "x"))["code"] == "bad_content"


@pytest.mark.parametrize("character", ["x", "ß", "€", "😀"])
async def test_length_is_counted_in_characters(daemon: DaemonProcess, character: str) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            assert await talk.post(character, "one") == 1
            assert await talk.post(character * 5000, "most") == 2
            assert await talk.post(f"  {character * 5000}  ", "stripped") == 3
            error = await refusal(talk, content=character * 5001, nonce="more")
            assert (error["code"], error["nonce"]) == ("bad_content", "more")
            assert await stored(talk) == [character, character * 5000, character * 5000]


async def test_bad_frames_are_refused_and_the_socket_stays_open(daemon: DaemonProcess) -> None:
    bad: list[str | bytes] = [
        b"\x00\x01",
        b'{"type": "message", "content": "binary"}',
        "",
        "hello",
        "{",
        "null",
        "[]",
        '"message"',
        "{}",
        '{"content": "x"}',
        '{"type": "shout", "content": "x"}',
        '{"type": 7}',
        '{"type": "message"}',
        '{"type": "message", "content": null}',
        '{"type": "message", "content": 7}',
        '{"type": "message", "content": "\\ud800"}',
        '{"type": "message", "content": "a\\udc00b", "nonce": "n"}',
        '{"type": "message", "content": "x", "nonce": 7}',
        '{"type": "fetch", "from_id": 1}',
        '{"type": "fetch", "from_id": "1", "to_id": 2}',
        '{"type": "fetch", "from_id": 1.5, "to_id": 2}',
        '{"type": "set_last_read"}',
        '{"type": "set_last_read", "message_id": true}',
        '{"type": "listen_latest", "after_id": "0"}',
        "[" * 20_000,
        '{"type": "fetch", "from_id": NaN, "to_id": 2}',
    ]
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            for frame in bad:
                await talk.websocket.send_message(frame)
                error = await talk.receive()
                assert (error["type"], error["code"]) == ("error", "bad_frame"), frame
                assert error["message"]
            assert await stored(talk) == []
            assert await talk.post("Still here", "n") == 1


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        ('{"type": "message", "content": "\\ud800", "nonce": "n1"}', {"nonce": "n1"}),
        ('{"type": "message", "content": "raw \n newline", "nonce": "n1"}', {"nonce": "n1"}),
        ('{"type": "message", "content": 7, "nonce": "\\u20ac"}', {"nonce": "€"}),
        ('{"type": "message", "nonce": "n1"}', {"nonce": "n1"}),
        (b'{"type": "message", "content": "binary", "nonce": "n1"}', {"nonce": "n1"}),
        ('{"type": "shout", "content": "x", "nonce": "n1", "request": "r1"}', {"nonce": "n1", "request": "r1"}),
        ('{"type": "fetch", "from_id": NaN, "to_id": 2, "request": ""}', {"request": ""}),
        (f'{{"type": "fetch", "from_id": 1{"0" * 9000}, "to_id": 2, "request": "r1"}}', {"request": "r1"}),
        ('{"type": "message", "content": "x", "nonce": 7, "request": [1]}', {}),
        ('{"type": "message", "content": "\\ud800", "nonce": "\\ud800"}', {}),
        (f'{{"type": "message", "content": "\\ud800", "nonce": "{"n" * 65}", "request": "{"r" * 65}"}}', {}),
        (f'{{"type": "message", "content": "", "nonce": "{"n" * 65}"}}', {}),
        ('{"type": "message", "content": "x", "nonce": "n1"', {}),
        ('{"nonce": "n1", "x": ' + "[" * 20_000, {}),
        ('["nonce", "n1"]', {}),
    ],
    ids=lambda each: None if isinstance(each, dict) else str(each)[:60],
)
async def test_an_error_repeats_the_nonce_and_the_request(
    daemon: DaemonProcess, frame: str | bytes, names: dict[str, str]
) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.websocket.send_message(frame)
            error = await talk.receive()
            assert (error.pop("type"), error.pop("code")[:4]) == ("error", "bad_")
            assert error == {"message": error["message"], **names}
            assert await talk.post("Still here", "n2") == 1


async def test_too_many_bad_frames_close_the_socket(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk, ada.talk(room_id) as other:
            await talk.receive("initial_state")
            for _ in range(30):
                await talk.websocket.send_message("{}")
                assert (await talk.receive())["code"] == "bad_frame"
            with suppress(ConnectionClosed):
                for _ in range(30):
                    await talk.websocket.send_message("{}")
            assert await talk.closed() == (1008, "Too many bad frames")
            assert await other.post("I have done nothing", "n") == 1


async def test_frames_over_the_limit(daemon: DaemonProcess) -> None:
    """The limit is 65,536 bytes, not characters."""
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        for text in ("x" * 70_000, "€" * 30_000):
            async with ada.talk(room_id) as talk:
                await talk.receive("initial_state")
                await talk.websocket.send_message(text)
                frames, code, _ = await talk.rest()
                assert (frames, code) == ([], 1009)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.websocket.send_message("€" * 21_000)
            assert (await talk.receive())["code"] == "bad_frame"


async def test_a_repeated_nonce_posts_once(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 2) as (ada, bob):
        room_id, elsewhere = await open_room(ada, bob), await open_room(ada, bob)
        async with bob.talk(room_id) as listener:
            await listener.send("listen_latest", after_id=0)
            async with ada.talk(room_id) as one, ada.talk(room_id) as two:
                for _ in range(5):  # some of them share a commit
                    await one.send("message", content="Once", nonce="n1")
                await one.receive("initial_state")
                for _ in range(5):
                    assert await one.receive() == {"type": "ack", "nonce": "n1", "message_id": 1}
                assert await two.post("Once", "n1") == 1
                assert await two.post("Other words, same nonce", "n1") == 1
                assert await two.post("Twice", "n2") == 2
            async with ada.talk(room_id) as later:
                assert await later.post("Once", "n1") == 1
                assert await later.post("Twice", "n2") == 2
                assert await stored(later) == ["Once", "Twice"]
            async with ada.talk(elsewhere) as talk:
                assert await talk.post("Once, elsewhere", "n1") == 1
            # A nonce counts for its author only.
            assert await listener.post("Bob's", "n1") == 3
            assert [message["content"] for message in await listener.latest(1)] == ["Bob's"]
            assert await stored(listener) == ["Once", "Twice", "Bob's"]


async def test_a_repeated_nonce_is_broadcast_once(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as one, ada.talk(room_id) as two:
            for talk in (one, two):
                await talk.send("listen_latest", after_id=0)
                await talk.synchronise()
            for _ in range(3):
                await one.send("message", content="Once", nonce="n1")
            await one.send("message", content="Last")
            for talk, acks in ((one, 3), (two, 0)):
                frames: list[dict[str, Any]] = []
                while not (frames and frames[-1].get("message", {}).get("content") == "Last"):
                    frames.append(await talk.receive())
                types = [frame["type"] for frame in frames]
                assert types.count("latest_message") == 2
                assert types.count("ack") == acks
                assert len(frames) == 2 + acks


@pytest.mark.parametrize("nonce", ["", "x" * 65, "😀" * 65])
async def test_bad_nonces(daemon: DaemonProcess, nonce: str) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            assert (await refusal(talk, content="x", nonce=nonce))["code"] == "bad_nonce"
            for number, good in enumerate(("x", "x" * 64, "😀" * 64, "\x00", " ", "  "), 1):
                assert await talk.post("x", good) == number


async def test_without_a_nonce_there_is_no_ack(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as talk:
            await talk.receive("initial_state")
            await talk.send("message", content="one")
            await talk.send("message", content="two", nonce=None)
            await talk.send("message", content="three", nonce="n")
            assert await talk.receive() == {"type": "ack", "nonce": "n", "message_id": 3}
            assert await stored(talk) == ["one", "two", "three"]


async def test_two_sockets_of_one_user(daemon: DaemonProcess) -> None:
    async with registered_users(daemon, 1) as (ada,):
        room_id = await open_room(ada)
        async with ada.talk(room_id) as one, ada.talk(room_id) as two:
            for talk in (one, two):
                await talk.start_listening()
            await one.send("message", content="from one", nonce="n")
            first, second = await one.receive(), await one.receive()
            heard = await two.receive()
            assert heard["type"] == "latest_message"
            assert {"type": "ack", "nonce": "n", "message_id": 1} in (first, second)
            assert heard in (first, second)
            await two.send("message", content="from two")
            assert await one.receive() == await two.receive()


async def test_posting_too_fast(tmp_path: Path, storage: dict[str, str]) -> None:
    # One message each 10 s: long enough for the test to exceed the limit on a busy machine.
    limits = {"REICHATD_LIMITS_MESSAGES_PER_SECOND": "0.1", "REICHATD_LIMITS_MESSAGES_BURST": "5"}
    async with running(tmp_path, **storage, **limits) as daemon, registered_users(daemon, 2) as (ada, bob):
        room_id = await open_room(ada, bob)
        async with ada.talk(room_id) as talk, bob.talk(room_id) as other:
            await talk.receive("initial_state")
            for number in range(20):
                await talk.send("message", content=f"text {number}", nonce=str(number))
            answers = [await talk.receive() for _ in range(20)]
            acks = [frame for frame in answers if frame["type"] == "ack"]
            errors = [frame for frame in answers if frame["type"] == "error"]
            assert 5 <= len(acks) < 20
            for error in errors:
                assert set(error) == {"type", "code", "message", "nonce", "retry_after"}
                assert error["code"] == "rate_limited"
                assert 0 < error["retry_after"] <= 10
            assert {frame["nonce"] for frame in answers} == {str(number) for number in range(20)}
            assert len(await stored(talk)) == len(acks)
            # Each user has a rate limit; reading has none.
            assert await other.post("I have been silent", "n") == len(acks) + 1
            await talk.send("message", content="too soon")
            refused = await talk.receive()
            assert refused["code"] == "rate_limited"
            assert "nonce" not in refused
            await trio.sleep(refused["retry_after"])
            assert await talk.post("in time", "in time") == len(acks) + 2
