"""A conversation handles frames in any order."""

from datetime import UTC, datetime

from reichatd.terminal.client import ServerClient
from reichatd.terminal.conversation import Conversation
from reichatd.terminal.frames import FetchResponse, Message


def messages(first: int, last: int) -> list[Message]:
    return [Message(n, "1", "ada", f"no. {n}", datetime(2026, 1, 1, tzinfo=UTC)) for n in range(first, last + 1)]


async def test_a_page_requested_before_a_jump_leaves_no_gap() -> None:
    conversation = Conversation(ServerClient("http://127.0.0.1:1", None, lambda _: None), "lounge", lambda: None)
    conversation.messages = messages(470, 550)
    conversation.jump(messages(19_901, 20_000))
    conversation.add_earlier(FetchResponse(messages(370, 469)))
    assert [one.message_id for one in conversation.messages] == list(range(19_901, 20_001))
    conversation.add_earlier(FetchResponse(messages(19_801, 19_900)))
    assert [one.message_id for one in conversation.messages] == list(range(19_801, 20_001))
