"""What was found out about tokens, for as long as it is true and there is room."""

from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """A dict with room for so many; the oldest make room. Threads may share it."""

    __slots__ = ("_known", "_lock", "_room", "find")

    def __init__(self, *, room: int) -> None:
        self._room = room
        self._lock = Lock()
        self._known: dict[K, V] = {}
        # Bound once: a look-up is on the way of every request.
        self.find = self._known.get

    def put(self, key: K, value: V) -> None:
        """Remember a value; it is the newest now."""
        with self._lock:
            self._known.pop(key, None)
            while len(self._known) >= self._room:
                del self._known[next(iter(self._known))]
            self._known[key] = value

    def drop(self, key: K) -> None:
        """Forget a value, if it was known."""
        with self._lock:
            self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)
