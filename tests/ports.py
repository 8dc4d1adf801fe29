"""Ports for the tests' own servers, which no other run of tests is given meanwhile."""

import socket
from collections.abc import Iterator

# Below those of the local services and those that the kernel gives to clients.
PORTS = range(12_000, 20_000)
BLOCK = 50


def free_port() -> int:
    """Return a loopback port on which nobody listens; this process gets it only once."""
    for port in _ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no free port")


def _own_ports() -> Iterator[int]:
    """Take block after block; whoever holds a block's first port by UDP has all of it.

    Servers speak TCP, so they are not in the way, and the hold ends with the process.
    """
    holds = []
    for first in PORTS[::BLOCK]:
        hold = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            hold.bind(("127.0.0.1", first))
        except OSError:
            hold.close()
        else:
            holds.append(hold)
            yield from range(first, first + BLOCK)


_ports = _own_ports()
