"""What accounts do on the occasion of events."""

from uuid import UUID

from accounts.services import forget_place, keep_anchor
from opencore.events.audit.v1 import ChainSealed
from opencore.events.org.v1 import MemberRemoved
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


@handles(MemberRemoved, in_batches=True)
def forget_place_of_removed_member(event: MemberRemoved, _event_id: UUID) -> None:
    """Let no session go on in an organization that its person left."""
    forget_place(organization_id=event.org_id, user_id=event.user_id)
