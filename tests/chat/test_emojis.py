"""What may be a reaction."""

import emoji
import pytest

from reichatd.chat.emojis import is_emoji


def test_every_emoji_is_one() -> None:
    qualified = emoji.STATUS["fully_qualified"]
    known = [each for each, facts in emoji.EMOJI_DATA.items() if facts["status"] == qualified]
    assert len(known) > 3_000
    assert [each for each in known if not is_emoji(each)] == []
    assert [each for each in known if is_emoji(each + each)] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1",
        "#",
        "ok",
        "👍 ",
        " 👍",
        "👍👎",
        "👍a",
        "\u200d",
        "\ufe0f",
        "👍\u200d",
        "\u200d👍",
        "\u202e👍",
        "👍\u202e",
        "👍\n",
        "👍\x00",
        "🇩🇪🇫🇷",
        "\U000e0067",  # a letter of a region's flag, without the flag
        "S",  # stands for a symbol in the grammar
        "S\ufe0f",
        "👍\u200dS",
        "<b>",
        "\ud83d",
        "👨" + "\u200d👩" * 6,  # longer than any emoji
    ],
)
def test_other_text_is_none(text: str) -> None:
    assert not is_emoji(text)
