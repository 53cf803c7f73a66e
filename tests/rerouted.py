"""Runs a Python program that reaches some ports of this machine by way of others, as if its resolver said so.

A client of a replica set connects to the hosts that the set names, so a URI alone cannot lead it through a gate.

    python -P tests/rerouted.py '{"PORT": OTHER PORT, …}' python … -m MODULE ARGUMENTS
"""

import json
import runpy
import socket
import sys
from functools import wraps
from typing import Any


def main() -> None:
    ports = {int(port): other for port, other in json.loads(sys.argv[1]).items()}
    resolve = socket.getaddrinfo

    @wraps(resolve)
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the real one
        return resolve(host, ports.get(port, port), *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    module = sys.argv.index("-m") + 1
    sys.argv = sys.argv[module:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
