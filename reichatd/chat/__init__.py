"""The chat: a room is a log, a connection is a cursor, one scribe writes for all."""

from reichatd.chat.commit_status import CommitStatus
from reichatd.chat.conversation import ConversationHandler
from reichatd.chat.deletions import delete_by_scribe, delete_in_store
from reichatd.chat.hub import Hub
from reichatd.chat.open_sockets import SOCKETS_PER_USER
from reichatd.chat.post_limits import PostLimits
from reichatd.chat.read_marks import MarkReader
from reichatd.chat.reconciliation import Reconciliation
from reichatd.chat.rest import RestConversation
from reichatd.chat.scribe import Scribe
from reichatd.chat.shutdown import ShutdownPlan
from reichatd.chat.socket import PeerGone, PeerStalled, Socket
from reichatd.chat.store_events import StoreEvents
from reichatd.chat.user_socket import UserSocketHandler
from reichatd.chat.writer import Writer

__all__ = [
    "SOCKETS_PER_USER",
    "CommitStatus",
    "ConversationHandler",
    "Hub",
    "MarkReader",
    "PeerGone",
    "PeerStalled",
    "PostLimits",
    "Reconciliation",
    "RestConversation",
    "Scribe",
    "ShutdownPlan",
    "Socket",
    "StoreEvents",
    "UserSocketHandler",
    "Writer",
    "delete_by_scribe",
    "delete_in_store",
]
