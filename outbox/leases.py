"""Which relay sends which lanes: a lease for each, an epoch to fence old owners."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import psycopg
from django.conf import settings

LOCK_CLASS = 0x0C0A  # the first half of the two-part advisory lock of a lane


class LaneLost(Exception):
    """Another relay owns a lane that this one believed to be its own."""


class Leases:
    """The lanes that one relay holds, as long as its connection and its lease last."""

    def __init__(self, connection: "psycopg.Connection[object]", *, owner: str) -> None:
        self._connection = connection
        self._owner = owner
        self.epochs: dict[int, int] = {}

    @property
    def lanes(self) -> list[int]:
        """Return the lanes held."""
        return sorted(self.epochs)

    def acquire(self) -> Sequence[int]:
        """Take every lane that nobody holds, and return those taken.

        A lane is free when its lease has run out by the database's clock, or when its
        owner's connection is gone and with it the advisory lock: then at once.
        """
        count = int(settings.OUTBOX_LANES)
        if len(self.epochs) == count:
            return ()
        self._connection.execute(
            "insert into outbox_lane (lane) select generate_series(0, %s - 1)"
            " on conflict do nothing",
            [count],
        )
        taken = self._connection.execute(
            """
            with free as materialized (
                select lane, lease_until,
                       pg_try_advisory_lock(%(class)s, lane) as unlocked
                from outbox_lane
                where lane < %(count)s and not lane = any(%(mine)s)
            )
            update outbox_lane l
            set owner = %(owner)s, epoch = l.epoch + 1,
                lease_until = clock_timestamp() + %(lease)s
            from free
            where l.lane = free.lane
              and (free.unlocked or l.lease_until < clock_timestamp())
            returning l.lane, l.epoch
            """,
            {
                "class": LOCK_CLASS,
                "count": count,
                "mine": self.lanes,
                "owner": self._owner,
                "lease": _lease(),
            },
        ).fetchall()
        epochs = dict(cast("list[tuple[int, int]]", taken))
        self.epochs.update(epochs)
        return list(epochs)

    def renew(self) -> None:
        """Prolong all leases; raise LaneLost if one of them is another's by now."""
        lanes, epochs = list(self.epochs), list(self.epochs.values())
        kept = self._connection.execute(
            """
            update outbox_lane l set lease_until = clock_timestamp() + %s
            from unnest(%s::smallint[], %s::bigint[]) as mine(lane, epoch)
            where l.lane = mine.lane and l.epoch = mine.epoch and l.owner = %s
            """,
            [_lease(), lanes, epochs, self._owner],
        ).rowcount
        if kept != len(lanes):
            raise LaneLost(f"{len(lanes) - kept} of {len(lanes)} lanes")

    def release(self) -> None:
        """Give all lanes back, so that another relay takes them at once."""
        lanes, epochs = list(self.epochs), list(self.epochs.values())
        self.epochs = {}
        self._connection.execute(
            """
            update outbox_lane l set owner = '', lease_until = clock_timestamp()
            from unnest(%s::smallint[], %s::bigint[]) as mine(lane, epoch)
            where l.lane = mine.lane and l.epoch = mine.epoch
            """,
            [lanes, epochs],
        )
        self._connection.execute("select pg_advisory_unlock_all()")


def _lease() -> timedelta:
    lease: timedelta = settings.OUTBOX_LEASE
    return lease
