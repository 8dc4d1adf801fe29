"""Two processes that say which version of the route table they run: run with -m.

The second is a fork of the first, made while the first one's thread already watches.
Each says a line for each version it gets, and ends when its standard input does.
"""

import os
import select
import sys

import django

LOOK_AGAIN = 0.02


def say_versions(name: str) -> None:
    """Say each new version until nobody listens any more."""
    from gateway_proxy.watching import (  # noqa: PLC0415 -- apps are loading
        current_table,
    )

    said = None
    while not select.select([sys.stdin], [], [], LOOK_AGAIN)[0]:
        version = current_table().version
        if version != said:
            os.write(1, f"{name} {version}\n".encode())
            said = version


def main() -> None:
    """Begin to watch, then be two."""
    django.setup()
    from gateway_proxy.watching import begin  # noqa: PLC0415 -- apps are loading

    begin()
    child = os.fork()
    say_versions("second" if child else "first")
    if child:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
