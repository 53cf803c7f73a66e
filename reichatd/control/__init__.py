"""The control socket: by it an administrator on the same machine has the running daemon do what `reichatd.administration` can.

A Unix socket, mode 0600. Who may connect is what that mode says, the daemon's own user and root, and the kernel holds everybody
to it; to ask for the peer's credentials as well would be a second list of who may, that could only disagree with the first.

A conversation is one request, a line of JSON, and an answer of many lines: records, and a conclusion last. Who hangs up before it
(Ctrl+C) stops the work at its next step.
"""

from reichatd.control.client import DaemonGone, NoDaemon, NotPermitted, ask
from reichatd.control.server import ControlServer, open_socket

__all__ = ["ControlServer", "DaemonGone", "NoDaemon", "NotPermitted", "ask", "open_socket"]
