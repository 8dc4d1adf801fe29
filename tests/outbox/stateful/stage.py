"""Whatever outlives an example: connections above all."""

from tests.outbox.stateful.senders import Connections
from tests.outbox.stateful.store import Store
from tests.outbox.stateful.writers import Writer

WRITERS = 3
SENDERS = 2


class Stage:
    """Those who act in every example, and their connections."""

    def __init__(self) -> None:
        self.examples = 0
        self.store = Store()
        self.writers = [Writer() for _ in range(WRITERS)]
        self.operator = Writer()
        self.connections = Connections()

    def close(self) -> None:
        for each in (*self.writers, self.operator):
            each.close()
        self.connections.close()
        self.store.close()
