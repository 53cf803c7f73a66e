"""The conversation: rooms as logs, connections as cursors, one scribe for all of them."""

from reichatd.chat.commits import Commits
from reichatd.chat.farewell import Farewell
from reichatd.chat.hub import Hub
from reichatd.chat.marks import MarkReader
from reichatd.chat.recheck import recheck_sockets
from reichatd.chat.scribe import Scribe
from reichatd.chat.session import Chat
from reichatd.chat.socket import PeerGone, PeerStalled, Socket

__all__ = [
    "Chat",
    "Commits",
    "Farewell",
    "Hub",
    "MarkReader",
    "PeerGone",
    "PeerStalled",
    "Scribe",
    "Socket",
    "recheck_sockets",
]
