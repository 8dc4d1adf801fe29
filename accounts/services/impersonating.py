"""Staff act as a person for a few minutes: with a reason, on record, and told to them."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.errors import NotToBeImpersonated
from accounts.models import AuditEntry, Impersonation, Session, User
from accounts.selectors import get_active_user, organization_ids_of
from accounts.services.auditing import record
from accounts.services.sessions import Bearer, end_sessions
from opencore.errors import Forbidden, NotFound
from opencore.events.user.v1 import ImpersonationStarted
from opencore.tokens import mint_access
from outbox.publishing import emit

log = logging.getLogger(__name__)

LONGEST = timedelta(minutes=15)
# Who may act as others, and whether they may change something then.
MAY_CHANGE = {User.Role.OPERATOR: True, User.Role.SUPPORT: False}


@dataclass(frozen=True, slots=True)
class Acting:
    """That staff acts as a person, and the token by which they do."""

    impersonation: Impersonation
    access_token: str
    expires_in: timedelta


@transaction.atomic
def start_impersonation(
    *,
    user_id: UUID,
    reason: str,
    read_only: bool,
    actor_id: UUID,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> Acting:
    """Give staff a token to act as a person, which can't be renewed; tell the person.

    Raises Forbidden for who may not, NotFound, or NotToBeImpersonated.
    """
    staff = get_active_user(user_id=actor_id)
    if not (read_only or MAY_CHANGE.get(User.Role(staff.role), False)):
        raise Forbidden
    person = _person_to_act_as(user_id, staff)
    lifetime = min(LONGEST, settings.ACCESS_TOKEN_LIFETIME)
    impersonation = Impersonation.objects.create(
        session=_open_session(person, staff, ip, user_agent, now, now + lifetime),
        user=person,
        impersonator=staff,
        reason=reason,
        read_only=read_only,
        started_at=now,
        expires_at=now + lifetime,
    )
    _tell_started(impersonation)
    return Acting(impersonation, _token(impersonation, lifetime, now), lifetime)


def end_impersonation(*, impersonation_id: UUID, actor_id: UUID, now: datetime) -> None:
    """Let a token of staff who act as a person be refused at once; twice is once.

    Support ends its own alone. Raises NotFound.
    """
    found = Impersonation.objects.filter(id=impersonation_id)
    staff = get_active_user(user_id=actor_id)
    if staff.role != User.Role.OPERATOR:
        found = found.filter(impersonator=staff)
    impersonation = found.first()
    if impersonation is None:
        raise NotFound
    end_sessions(
        user_id=impersonation.user_id,
        session_id=impersonation.session_id,
        reason=Session.RevokeReason.IMPERSONATION_ENDED,
        actor_id=actor_id,
        now=now,
    )


def _person_to_act_as(user_id: UUID, staff: User) -> User:
    if staff.role not in MAY_CHANGE:
        raise Forbidden
    person = User.objects.filter(id=user_id).first()
    if person is None:
        raise NotFound
    if person.role != User.Role.USER or not person.is_active:
        raise NotToBeImpersonated
    return person


def _open_session(
    person: User,
    staff: User,
    ip: str | None,
    user_agent: str,
    now: datetime,
    expires_at: datetime,
) -> Session:
    return Session.objects.create(
        user=person,
        impersonator=staff,
        created_at=now,
        rotated_at=now,
        last_seen_at=now,
        idle_expires_at=expires_at,
        expires_at=expires_at,
        ip=ip,
        user_agent=user_agent,
        device_label="Support",
    )


def _token(impersonation: Impersonation, lifetime: timedelta, now: datetime) -> str:
    bearer = Bearer(
        role=User.Role.USER.value,
        org_ids=organization_ids_of(user_id=impersonation.user_id),
        assurance=1,
        methods=(),
        # Nobody proved to be the person.
        authenticated_at=None,
        impersonator_id=impersonation.impersonator_id,
        read_only=impersonation.read_only,
    )
    return mint_access(
        user_id=impersonation.user_id,
        session_id=impersonation.session_id,
        role=bearer.role,
        org_ids=bearer.org_ids,
        proof=bearer,
        lifetime=lifetime,
        now=now,
    )


def _tell_started(impersonation: Impersonation) -> None:
    record(
        AuditEntry.Action.IMPERSONATION_STARTED,
        target_id=impersonation.id,
        actor_id=impersonation.impersonator_id,
        on_behalf_of=impersonation.user_id,
        justification=impersonation.reason,
        read_only=str(impersonation.read_only).lower(),
        expires_at=impersonation.expires_at.isoformat(),
    )
    emit(
        ImpersonationStarted(
            user_id=impersonation.user_id,
            impersonation_id=impersonation.id,
            impersonator_id=impersonation.impersonator_id,
            reason=impersonation.reason,
            read_only=impersonation.read_only,
            expires_at=impersonation.expires_at,
        )
    )
    log.info(
        "impersonation started",
        extra={
            "impersonation_id": str(impersonation.id),
            "user_id": str(impersonation.user_id),
            "actor_id": str(impersonation.impersonator_id),
        },
    )
