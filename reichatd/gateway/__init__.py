"""The network side of the daemon: listening sockets, REST and WebSockets."""

from reichatd.gateway.gateway import Gateway, affordable_connections
from reichatd.gateway.listeners import CannotListen, Listener, open_listeners

__all__ = ["CannotListen", "Gateway", "Listener", "affordable_connections", "open_listeners"]
