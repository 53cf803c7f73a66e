"""The daemon itself: facts, health, and how a request arrives."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from reichatd.api.types.answers import Answer, Refusal
from reichatd.api.types.values import RegistrationMode
from reichatd.rooms.values import meta


class MessageLimits(Struct, frozen=True, kw_only=True):
    """The limits of a message: a longer one is refused, however often it is sent."""

    message_chars: Annotated[
        int, Meta(description="Characters of a message's content: Unicode code points.", examples=[5000])
    ]
    frame_bytes: Annotated[
        int, Meta(description="Bytes of a WebSocket message: its JSON text in UTF-8.", examples=[65536])
    ]


class About(Answer, frozen=True, kw_only=True):
    """Facts about this daemon. `code_by`: whether verification codes come by mail, or are printed where the daemon runs."""

    name: Annotated[str, meta("The name of this instance.", "reichatd")]
    logo: Annotated[
        str,
        meta(
            'The URL of its logo, relative to the daemon\'s URL; "" if it has none.',
            "web/logo/0123456789abcdef0123.svg",
        ),
    ]
    limits: MessageLimits
    code_by: Literal["mail", "console"]
    registration: RegistrationMode


Checks = Annotated[
    dict[str, str],
    Meta(description='The state of each part: "ok", or what is wrong.', examples=[{"store": "ok"}]),
]


class Ready(Answer, frozen=True, kw_only=True):
    """Every part works; with an almost full disk, everything but posts does."""

    checks: Checks


class Seen(Answer, frozen=True, kw_only=True):
    """How a request arrives here."""

    peer: Annotated[str, meta("The address that made the connection: the last proxy, if there is one.", "127.0.0.1")]
    client: Annotated[str, meta("The address that the daemon takes for the client's.", "203.0.113.7")]
    host: Annotated[
        str, meta("The Host header as received; the Origin of a page must have this host.", "chat.example.org")
    ]
    forwarded_for: Annotated[str, meta('The X-Forwarded-For header as received, "" if absent.', "203.0.113.7")]
    open_files: Annotated[int, Meta(description="The most open files that the daemon may have.", examples=[65536])]


class NotReady(Refusal, frozen=True, kw_only=True):
    """As `Ready`, if something is wrong."""

    checks: Checks
