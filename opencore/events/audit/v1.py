"""What happened to the record of who did what."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from opencore.events.base import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainSealed(Event):
    """Entries of an organization's record were sealed; the hash is over all up to them.

    The chain is named by the organization, or by the nil UUID for what belongs to none.
    Keep these events: who has one can prove later that nothing before it was changed.
    """

    type: ClassVar[str] = "opencore.audit.v1.chain-sealed"

    chain_id: UUID
    from_number: int
    to_number: int
    hash: str

    @property
    def key(self) -> UUID:
        """Return the chain."""
        return self.chain_id
