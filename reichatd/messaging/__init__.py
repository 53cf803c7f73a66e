"""The conversation as the REST calls use it. The chat implements it: `reichatd.api` and `reichatd.chat` do not know each other."""

from reichatd.messaging.pages import After, Before, Between, PageQuery
from reichatd.messaging.protocol import HAND_OVER, Body, Caller, Draft, Later, Messaging, Posted, as_part
from reichatd.messaging.views import MessageView, PinView, ReactionView

__all__ = [
    "HAND_OVER",
    "After",
    "Before",
    "Between",
    "Body",
    "Caller",
    "Draft",
    "Later",
    "MessageView",
    "Messaging",
    "PageQuery",
    "PinView",
    "Posted",
    "ReactionView",
    "as_part",
]
