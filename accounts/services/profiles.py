"""What people say about themselves: their name, their language, their time zone."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import AuditEntry, User
from accounts.services.auditing import record
from opencore.events.user.v1 import UserUpdated
from opencore.tokens import TokenInvalid
from outbox.publishing import emit


@transaction.atomic
def update_profile(
    *,
    user_id: UUID,
    changes: Mapping[str, Any],
    actor_id: UUID,
    check: Callable[[User], None],
) -> User:
    """Change what is named of a person's name, locale and time zone.

    `check` looks at the locked user, and may refuse. Raises TokenInvalid for who may act
    no more.
    """
    user = lock_active_user(user_id)
    check(user)
    changed = sorted(
        name for name, value in changes.items() if getattr(user, name) != value
    )
    if not changed:
        return user
    for name in changed:
        setattr(user, name, changes[name])
    user.version += 1
    user.save(update_fields=[*changed, "version"])
    record(
        AuditEntry.Action.USER_UPDATED,
        target_id=user.id,
        actor_id=actor_id,
        changed=",".join(changed),
    )
    emit(
        UserUpdated(
            user_id=user.id,
            changed=",".join(changed),
            locale=user.locale,
            time_zone=user.time_zone,
            version=user.version,
        )
    )
    return user


def lock_active_user(user_id: UUID) -> User:
    """Return who a token speaks of, so that nobody else changes them meanwhile.

    Raises TokenInvalid if they may act no more.
    """
    locked = User.objects.select_for_update(no_key=True)
    user = locked.filter(id=user_id, is_active=True).first()
    if user is None:
        raise TokenInvalid
    return user
