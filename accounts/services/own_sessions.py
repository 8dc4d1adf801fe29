"""What people do about their own sessions: name, end, and choose where to work."""

from datetime import datetime
from uuid import UUID

from accounts import selectors
from accounts.errors import SessionEnded
from accounts.models import Membership, Session
from accounts.services.sessions import end_sessions
from opencore.errors import NotFound


def label_session(
    *, session_id: UUID, user_id: UUID, label: str, now: datetime
) -> Session:
    """Let a device be called what its person calls it; raises NotFound."""
    mine = selectors.live_sessions_of(user_id=user_id, now=now).filter(id=session_id)
    if not mine.update(device_label=label):
        raise NotFound
    return Session.objects.get(id=session_id)


def end_own_session(*, session_id: UUID, user_id: UUID, now: datetime) -> None:
    """Sign a person out on one device; raises NotFound if they are not in there."""
    ended = end_sessions(
        user_id=user_id,
        session_id=session_id,
        reason=Session.RevokeReason.USER,
        actor_id=user_id,
        now=now,
    )
    if not ended:
        raise NotFound


def end_own_sessions(*, user_id: UUID, kept_id: UUID | None, now: datetime) -> int:
    """Sign a person out everywhere, or everywhere but here; return on how many."""
    return end_sessions(
        user_id=user_id,
        kept_id=kept_id,
        reason=Session.RevokeReason.USER,
        actor_id=user_id,
        now=now,
    )


def forget_place(*, organization_id: UUID, user_id: UUID) -> None:
    """Let no session of a person go on where they are no member any more."""
    places = Membership.objects.filter(organization_id=organization_id, user_id=user_id)
    if places.exists():
        # They came back before this was heard of.
        return
    Session.objects.filter(user_id=user_id, organization_id=organization_id).update(
        organization_id=None
    )


def work_in(
    *, session_id: UUID, user_id: UUID, organization_id: UUID | None, now: datetime
) -> Session:
    """Note in which organization a person goes on; raises SessionEnded.

    Access tokens from the next refresh on name it first.
    """
    mine = selectors.live_sessions_of(user_id=user_id, now=now).filter(id=session_id)
    if not mine.update(organization_id=organization_id):
        raise SessionEnded
    return Session.objects.get(id=session_id)
