"""How WebSockets are closed: the close codes (RFC 6455, 7.4.1; those from 4000 on are ours), and the reasons that go with them."""

from typing import Final, NamedTuple

GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
ABNORMAL: Final = 1006
"""Never sent (RFC 6455, 7.4.1): stands for a connection that ends without a close frame, since no peer would read one."""
INVALID_TEXT: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
UNAUTHORIZED: Final = 4001


class Close(NamedTuple):
    """How a socket is closed. `reason` is for a person; it holds no secret."""

    code: int
    reason: str = ""


ABORT: Final = Close(ABNORMAL)
FORBIDDEN: Final = Close(POLICY_VIOLATION, "Forbidden")
NOT_AUTHENTICATED: Final = Close(UNAUTHORIZED, "Unauthorized")
ROOM_NOT_FOUND: Final = Close(POLICY_VIOLATION, "Room not found")
SERVER_FAULT: Final = Close(INTERNAL_ERROR, "Internal error")
SESSION_ENDED: Final = Close(UNAUTHORIZED, "Session ended")
SLOW_READER: Final = Close(TRY_AGAIN_LATER, "Reader too slow for too long")
