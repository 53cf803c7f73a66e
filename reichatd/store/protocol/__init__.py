"""The methods of every store.

Any task may call them. Each one runs in a worker thread, and its caller waits for the result. Each one is atomic: it has happened
entirely or not at all, and a cancelled caller (an HTTP handler is, when its connection breaks) leaves nothing half done. When the
store fails, every method raises `StoreError`, and nothing else.
"""

from reichatd.store.protocol.accounts import (
    AppPasswordStore,
    BlockStore,
    EmailChangeStore,
    OidcStore,
    SecondFactorStore,
    SessionStore,
    UserStore,
)
from reichatd.store.protocol.daemons import (
    DaemonStore,
    TicketStore,
)
from reichatd.store.protocol.messages import (
    ErasureStore,
    MessageStore,
)
from reichatd.store.protocol.rooms import (
    DirectStore,
    InviteStore,
    MemberStore,
    RoomStore,
)
from reichatd.store.protocol.store import (
    AuditStore,
    Store,
)

__all__ = [
    "AppPasswordStore",
    "AuditStore",
    "BlockStore",
    "DaemonStore",
    "DirectStore",
    "EmailChangeStore",
    "ErasureStore",
    "InviteStore",
    "MemberStore",
    "MessageStore",
    "OidcStore",
    "RoomStore",
    "SecondFactorStore",
    "SessionStore",
    "Store",
    "TicketStore",
    "UserStore",
]
