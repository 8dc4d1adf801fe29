"""A process that seals what is recorded, until it is told to end.

`python -m tests.bench.sealer` says a line when it begins.
"""

import sys
from threading import Event

import django
from django.utils import timezone

# As often as anything could have been written.
PAUSE = 0.05


def main() -> None:
    """Seal, and look again."""
    django.setup()
    from accounts.services import seal_entries  # noqa: PLC0415 -- models are there only now

    sys.stdout.write("sealing\n")
    sys.stdout.flush()
    while True:
        if not seal_entries(now=timezone.now()):
            Event().wait(PAUSE)


if __name__ == "__main__":
    main()
