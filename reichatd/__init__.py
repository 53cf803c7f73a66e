"""reichatd: a chat daemon. A room is a log, a connection is a cursor."""

__version__ = "0.1.0"
