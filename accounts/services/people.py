"""People: they become users, operators, and inactive."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import AuditEntry, Session, User
from accounts.services.auditing import record
from accounts.services.revoking import refuse_tokens_of_user
from accounts.services.sessions import end_sessions
from opencore.events.user.v1 import UserCreated
from outbox.publishing import emit

log = logging.getLogger(__name__)


@transaction.atomic
def find_or_create_user(*, email: str, actor_id: UUID | None) -> User:
    """Return the user of an address; who has none becomes one, and all hear of it.

    Nobody else is named as the actor of a sign-up than the new user.
    """
    found = User.objects.with_address(email).first()
    if found is not None:
        return found
    user = User(email=email)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        return User.objects.with_address(email).get()
    record(
        AuditEntry.Action.USER_CREATED,
        target_id=user.id,
        actor_id=actor_id or user.id,
    )
    emit(UserCreated(user_id=user.id, email=user.email))
    log.info("user created", extra={"user_id": str(user.id)})
    return user


@transaction.atomic
def change_role(
    *, user_id: UUID, role: User.Role, actor_id: UUID | None, now: datetime
) -> None:
    """Make a user an operator or take that back; they have to sign in again."""
    user = User.objects.select_for_update(no_key=True).get(id=user_id)
    if user.role == role:
        return
    previous, user.role = user.role, role
    user.is_staff = user.is_superuser = role == User.Role.OPERATOR
    user.save(update_fields=["role", "is_staff", "is_superuser"])
    record(
        AuditEntry.Action.USER_ROLE_CHANGED,
        target_id=user_id,
        actor_id=actor_id,
        role=role.value,
        previous_role=previous,
    )
    end_sessions(
        user_id=user_id,
        reason=Session.RevokeReason.ROLE_CHANGED,
        actor_id=actor_id,
        now=now,
    )


@transaction.atomic
def make_operator(
    *, email: str, password: str, actor_id: UUID | None, now: datetime
) -> User:
    """Let the person with this address sign in to the admin with this password."""
    user = find_or_create_user(email=email, actor_id=actor_id)
    change_role(user_id=user.id, role=User.Role.OPERATOR, actor_id=actor_id, now=now)
    user.refresh_from_db()
    set_password(user=user, password=password, actor_id=actor_id)
    return user


@transaction.atomic
def set_password(*, user: User, password: str, actor_id: UUID | None) -> None:
    """Give an operator a password; their sessions in the admin that used another end."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record(AuditEntry.Action.USER_PASSWORD_SET, target_id=user.id, actor_id=actor_id)


@transaction.atomic
def deactivate_user(*, user_id: UUID, actor_id: UUID | None, now: datetime) -> None:
    """Lock a user out: no sign-in, no refresh; the record of them stays."""
    if not User.objects.filter(id=user_id, is_active=True).update(is_active=False):
        return
    record(AuditEntry.Action.USER_DEACTIVATED, target_id=user_id, actor_id=actor_id)
    end_sessions(
        user_id=user_id,
        reason=Session.RevokeReason.DEACTIVATED,
        actor_id=actor_id,
        now=now,
    )
    refuse_tokens_of_user(user_id, issued_before=now)


@transaction.atomic
def activate_user(*, user_id: UUID, actor_id: UUID | None) -> None:
    """Let a deactivated user sign in again."""
    if User.objects.filter(id=user_id, is_active=False).update(is_active=True):
        record(AuditEntry.Action.USER_ACTIVATED, target_id=user_id, actor_id=actor_id)
