"""The types of the fields: names and texts are shown in the contract with clients; `limits.…` stands for a setting's value."""

from typing import Annotated

import msgspec
from msgspec import Meta

# Decoding checks none of what is said here.
MessageId = Annotated[int, Meta(description="1, 2, 3, … in each room, without a gap.", examples=[42])]
FirstId = Annotated[
    int, Meta(description="Where the log begins, if older messages have been removed.", examples=[1001])
]
LastId = Annotated[
    int,
    Meta(
        description="Where the log ended when the reply was made; absent while the room has never had a message.",
        examples=[1042],
    ),
]
Content = Annotated[
    str,
    Meta(
        description="Text with at least one visible character. Leading blank lines and trailing white space are removed; from a "
        "single line, leading white space too.",
        examples=["Hello, log!"],
        extra_json_schema={"minLength": 1, "maxLength": "limits.message_chars"},
    ),
]
Nonce = Annotated[
    str,
    Meta(
        description="A name that the author gives a message; unique among the author's messages in the room.",
        examples=["b2f6c1e0"],
        extra_json_schema={"minLength": 1, "maxLength": "limits.nonce_chars"},
    ),
]
RequestName = Annotated[
    str,
    Meta(
        description="A name that the client gives a request: the response, or the error, repeats it.",
        examples=["7"],
        extra_json_schema={"maxLength": "limits.nonce_chars"},
    ),
]
TimeText = Annotated[
    str,
    Meta(
        description="ISO 8601, UTC.",
        examples=["2026-01-31T12:00:00.000000+00:00"],
        extra_json_schema={"format": "date-time"},
    ),
]
UserId = Annotated[str, Meta(examples=["65f0c1d2e3a4b5968778695a"])]
ChangeId = Annotated[
    int,
    Meta(
        description="Grows with each change of a message of the room, with gaps: to be compared, not counted.",
        examples=[7],
    ),
]
Emoji = Annotated[str, Meta(description="One emoji.", examples=["👍"])]
LogToken = Annotated[
    str,
    Meta(
        description="Names the log. Another token means another log, with other messages under the same ids: drop all of them.",
        examples=["5f3a9c1e"],
    ),
]
Mentions = Annotated[
    list[UserId],
    Meta(
        description="The users that the message mentions; those who are no members are left out.",
        extra_json_schema={"maxItems": "limits.mentions"},
    ),
]
EncodedMessage = Annotated[msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/MessageView"})]
"""A MessageView, encoded as JSON."""
