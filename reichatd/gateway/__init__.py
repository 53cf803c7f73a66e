"""The door: one port, behind it REST and WebSockets."""

from reichatd.gateway.door import Gateway, Listener, affordable_connections, open_listeners

__all__ = ["Gateway", "Listener", "affordable_connections", "open_listeners"]
