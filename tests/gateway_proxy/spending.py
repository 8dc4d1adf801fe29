"""Eight processes that spend one bucket: `python -m tests.gateway_proxy.spending URL`.

Each prints how many of its requests were admitted.
"""

import os
import sys

from gateway_proxy.blocking import limits as blocking
from gateway_proxy.streaming import limits as streaming
from tests.gateway_proxy.charges import gateway_at, of_ada

PROCESSES = 8
REQUESTS = 40


def main(url: str) -> None:
    """Let all begin at one time, and wait for them."""
    gate, starter = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            os.close(starter)
            _spend(url, number, gate)
            os._exit(0)
        children.append(child)
    os.close(starter)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


def _spend(url: str, number: int, gate: int) -> None:
    kind = streaming if number % 2 else blocking
    with gateway_at(kind, url, timeout=30) as gateway:
        # It ends when the last one has been started.
        os.read(gate, 1)
        admitted = gateway.admitted(of_ada(), of=REQUESTS)
    os.write(sys.stdout.fileno(), f"{admitted}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
