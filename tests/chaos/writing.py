"""Changes things and tells of it, and keeps a log of what came of it."""

import os
from dataclasses import dataclass
from random import Random
from threading import Event
from uuid import UUID, uuid4

from django.db import close_old_connections, connection, transaction
from django.db.utils import DatabaseError, InterfaceError

from opencore.events.billing.v1 import PaymentSucceeded
from opencore.postgresql.errors import CommitOutcomeUnknown
from outbox.publishing import emit
from tests.chaos.oracle import OracleLog, Outcome, Write

ROLLED_BACK = 0.1
LONGEST_PAUSE = 0.03
AFTER_TROUBLE = 0.2
CHANGE = """
insert into chaos_aggregate (key, version) values (%s, 1)
on conflict (key) do update set version = chaos_aggregate.version + 1
returning version
"""
CARELESS_LOOK = (
    "select coalesce(max(version), 0) + 1 from chaos_aggregate where key = %s"
)
CARELESS_CHANGE = """
insert into chaos_aggregate (key, version) values (%s, %s)
on conflict (key) do update set version = excluded.version
"""


class Regretted(Exception):
    """The writer decided not to."""


@dataclass
class Writer:
    """Writes until the process is killed; what it intends is noted before the commit."""

    log: OracleLog
    keys: list[str]
    chance: Random
    at_once: int = 1
    serializable: bool = False
    careless: bool = False

    def go_on(self) -> None:
        """Write, with short pauses, for ever."""
        while True:
            calm = self.write()
            longest = LONGEST_PAUSE if calm else AFTER_TROUBLE
            Event().wait(self.chance.uniform(0, longest))

    def write(self) -> bool:
        """Change one or more things in one transaction; return whether it was tried."""
        close_old_connections()
        intended: list[Write] = []
        try:
            with transaction.atomic():
                self._change(intended)
                if self.chance.random() < ROLLED_BACK:
                    raise Regretted
        except Regretted:
            self.log.tell(intended, Outcome.ROLLED_BACK)
        except CommitOutcomeUnknown:
            self.log.tell(intended, Outcome.UNKNOWN)
            return False
        except (DatabaseError, InterfaceError):
            # What the database refused before COMMIT was sent must not be there.
            self.log.tell(intended, Outcome.ROLLED_BACK)
            return False
        else:
            self.log.tell(intended, Outcome.ACKED)
        return True

    def _change(self, intended: list[Write]) -> None:
        with connection.cursor() as cursor:
            if self.serializable:
                cursor.execute("set transaction isolation level serializable")
            for key in self.chance.sample(self.keys, self.at_once):
                version = self._next_version(key)
                cursor.execute(
                    "insert into chaos_change (key, filler) values (%s, %s)",
                    [key, os.urandom(400)],
                )
                event_id = emit(
                    PaymentSucceeded(
                        payment_id=uuid4(),
                        customer_id=UUID(key),
                        user_id=UUID(key),
                        amount_minor=version,
                        currency="EUR",
                        provider="chaos",
                    )
                )
                write = Write(str(event_id), key, version)
                self.log.intend(write)
                intended.append(write)

    def _next_version(self, key: str) -> int:
        with connection.cursor() as cursor:
            if not self.careless:
                cursor.execute(CHANGE, [key])
                return int(cursor.fetchone()[0])
            cursor.execute(CARELESS_LOOK, [key])
            version = int(cursor.fetchone()[0])
            Event().wait(self.chance.uniform(0, LONGEST_PAUSE))
            cursor.execute(CARELESS_CHANGE, [key, version])
            return version
