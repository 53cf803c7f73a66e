"""The load generator of `reichatd bench`: measures how much a machine, or a running daemon, can handle.

It is a client: it uses only the public contract of the daemon.
"""
