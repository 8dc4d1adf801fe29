"""The tests' own ports: what holds two runs of tests apart."""

import subprocess
import sys

from tests.ports import BLOCK, free_port

MANY = 3 * BLOCK
TAKES = (
    "import sys; from tests.ports import free_port;"
    f"print(*(free_port() for _ in range({MANY})), flush=True); sys.stdin.read()"
)


def test_two_processes_never_get_the_same_port() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TAKES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        mine = [free_port() for _ in range(MANY)]
        theirs = {int(port) for port in other.stdout.readline().split()}
        mine += [free_port() for _ in range(MANY)]

    assert len(theirs) == MANY
    assert len(set(mine)) == len(mine)
    assert theirs.isdisjoint(mine)
