"""The control socket: through it an administrator on the same machine sends requests of `reichatd.administration` to the daemon.

It is a Unix socket with mode 0600: the kernel lets only the daemon's user and root connect. Checking the peer's credentials as
well would be a second access list, which could only disagree with the first.

A conversation is one request, a line of JSON, and an answer of several lines: records, then a conclusion. A client that hangs up
earlier (Ctrl+C) stops the work at its next step.
"""

from reichatd.control.client import DaemonGone, NoDaemon, NotPermitted, ask
from reichatd.control.server import ControlServer, open_socket

__all__ = ["ControlServer", "DaemonGone", "NoDaemon", "NotPermitted", "ask", "open_socket"]
