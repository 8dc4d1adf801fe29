"""Many who do something at the same time, each on a connection of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import IntegrityError, connection, connections

from opencore.errors import DomainError

T = TypeVar("T")


def at_once(deeds: Sequence[Callable[[], T]]) -> list[T | type[Exception]]:
    """Do all at the same time; return what each returned, or how it was refused."""
    together = Barrier(len(deeds))

    def do(deed: Callable[[], T]) -> T | type[Exception]:
        try:
            connect_beside_the_pool()
            together.wait(timeout=30)
            return deed()
        except (DomainError, IntegrityError) as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(do, deeds))


def connect_beside_the_pool() -> None:
    """Connect this thread now: in the pool's queue not all would come together."""
    database = connections["default"]
    options = {**database.settings_dict["OPTIONS"], "pool": None}
    database.settings_dict = {**database.settings_dict, "OPTIONS": options}
    database.ensure_connection()
