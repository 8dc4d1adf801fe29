"""What is different between two documents, name by name."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a document before and after; None where there is none."""

    pointer: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.pointer} {_said(self.after)}"
        if self.after is None:
            return f"- {self.pointer} {_said(self.before)}"
        return f"~ {self.pointer} {_said(self.before)} -> {_said(self.after)}"


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, at: str = ""
) -> Iterator[Difference]:
    """Yield what is different, in the order of its places."""
    for name in sorted({*before, *after}):
        place = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, at=place)
        elif old != new:
            yield Difference(place, old, new)


def _said(value: object) -> str:
    return json.dumps(value, sort_keys=True)
