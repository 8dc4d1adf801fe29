"""Sessions."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.errors import SessionEnded
from accounts.models import Membership, Organization, Session


def sessions_revoked_since(*, since: datetime) -> QuerySet[Session]:
    """Return the sessions that were ended before their time, lately."""
    return Session.objects.filter(revoked_at__gt=since).order_by("revoked_at")


def live_sessions_of(*, user_id: UUID, now: datetime) -> QuerySet[Session]:
    """Return where a person is signed in."""
    return Session.objects.filter(
        user_id=user_id, revoked_at=None, idle_expires_at__gt=now
    )


def get_live_session(*, session_id: UUID, user_id: UUID, now: datetime) -> Session:
    """Return the session that a token names; raises SessionEnded if it is over."""
    session = live_sessions_of(user_id=user_id, now=now).filter(id=session_id).first()
    if session is None:
        raise SessionEnded
    return session


def organization_worked_in(*, session: Session) -> UUID | None:
    """Return the organization that a session was switched to, while its person may."""
    if session.organization_id is None:
        return None
    chosen = Membership.objects.filter(
        organization_id=session.organization_id,
        user_id=session.user_id,
        status=Membership.Status.ACTIVE,
    ).exclude(organization__status=Organization.Status.DELETED)
    return session.organization_id if chosen.exists() else None
