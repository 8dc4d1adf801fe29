"""What accounts do on the occasion of events."""

from uuid import UUID

from accounts.services import keep_anchor
from opencore.events.audit.v1 import ChainSealed
from outbox.consuming import current_place, handles


@handles(ChainSealed, in_batches=True)
def keep_anchor_of_sealed_chain(event: ChainSealed, event_id: UUID) -> None:
    """Note where in Kafka the head of the chain was found."""
    place = current_place()
    keep_anchor(
        chain_id=event.chain_id,
        number=event.to_number,
        chain_hash=bytes.fromhex(event.hash),
        event_id=event_id,
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
    )
