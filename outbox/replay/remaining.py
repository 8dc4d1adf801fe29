"""What of an operation is still to be done."""

from collections.abc import Sequence

from outbox.models import Replay, ReplayItem

READ_AT_ONCE = 5000
PIECES = 10


class Remaining:
    """The items that nobody carried out yet, in the order in which they must go."""

    def __init__(self, operation: Replay) -> None:
        self._items = operation.items.filter(
            outcome=ReplayItem.Outcome.PLANNED
        ).order_by("id")
        self._last = 0
        self._chunks: list[Sequence[ReplayItem]] = []

    def take(self, most: int) -> Sequence[ReplayItem]:
        """Return the next items; none if there are no more."""
        chunk = self._chunks.pop() if self._chunks else self._read()
        if len(chunk) > most:
            self._chunks.append(chunk[most:])
        return chunk[:most]

    def take_apart(self, chunk: Sequence[ReplayItem]) -> None:
        """Give a chunk back that can't go as one, to be taken in pieces."""
        size = max(1, len(chunk) // PIECES)
        pieces = [chunk[at : at + size] for at in range(0, len(chunk), size)]
        self._chunks += reversed(pieces)

    def _read(self) -> Sequence[ReplayItem]:
        items = list(self._items.filter(id__gt=self._last)[:READ_AT_ONCE])
        self._last = items[-1].id if items else self._last
        return items
