"""The door: where it listens, and behind that REST and WebSockets."""

from reichatd.gateway.gateway import Gateway, affordable_connections
from reichatd.gateway.listeners import CannotListen, Listener, open_listeners

__all__ = ["CannotListen", "Gateway", "Listener", "affordable_connections", "open_listeners"]
