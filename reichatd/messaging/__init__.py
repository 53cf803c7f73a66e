"""The conversation as the REST calls use it. The chat implements it: `reichatd.api` and `reichatd.chat` do not know each other."""

from reichatd.messaging.pages import After, Before, Between, PageQuery
from reichatd.messaging.protocol import Caller, Draft, Messaging, Posted
from reichatd.messaging.views import MessageView, PinView, ReactionView

__all__ = [
    "After",
    "Before",
    "Between",
    "Caller",
    "Draft",
    "MessageView",
    "Messaging",
    "PageQuery",
    "PinView",
    "Posted",
    "ReactionView",
]
