"""Exits with 0 if the server in this container answers `/livez`, else with 1."""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT = 2.5


def is_alive(port: int, host: str) -> bool:
    """Ask the server, under a host name that it answers to."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/livez", headers={"Host": host}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 -- our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def first_host(allowed: str) -> str:
    """Return a name that ALLOWED_HOSTS admits; a pattern's dot or star is no name."""
    return allowed.split(",", maxsplit=1)[0].strip().lstrip("*.") or "localhost"


if __name__ == "__main__":
    alive = is_alive(
        int(os.environ.get("PORT", "8000")),
        first_host(os.environ.get("ALLOWED_HOSTS", "")),
    )
    sys.exit(0 if alive else 1)
