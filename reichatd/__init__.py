"""reichatd: a chat daemon. A room is a log of messages; a connection is a cursor in it."""

__version__ = "0.1.0"
