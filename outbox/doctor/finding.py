"""What the doctor finds."""

from dataclasses import asdict, dataclass
from typing import Literal

Weight = Literal["fault", "caution"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a fault loses events or keeps them, a caution may."""

    weight: Weight
    check: str
    what: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain values."""
        return asdict(self)
