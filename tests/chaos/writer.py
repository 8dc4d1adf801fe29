"""A process that writes until it is killed.

`python -m tests.chaos.writer --log FILE --seed N --keys ID,ID …`
"""

import argparse
from pathlib import Path
from threading import Thread

import django

from tests.chaos.chance import chance_of
from tests.chaos.oracle import OracleLog

THREADS = 2


def main() -> None:
    """Write from several threads at once."""
    arguments = _arguments()
    django.setup()
    from tests.chaos.writing import Writer  # noqa: PLC0415 -- apps are loading

    log = OracleLog(arguments.log)
    threads = [
        Thread(
            target=Writer(
                log=log,
                keys=arguments.keys.split(","),
                chance=chance_of(arguments.seed, number),
                at_once=arguments.at_once,
                serializable=arguments.serializable,
                careless=arguments.careless,
            ).go_on
        )
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.writer")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--keys", required=True, help="ids, with commas")
    parser.add_argument("--at-once", type=int, default=1, help="changes at once")
    parser.add_argument("--serializable", action="store_true")
    parser.add_argument(
        "--careless", action="store_true", help="number changes without a lock"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
