"""Second factors of people."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Authenticator, RecoveryCode


def authenticators_of(*, user_id: UUID) -> QuerySet[Authenticator]:
    """Return a person's authenticators, those included that were never confirmed."""
    return Authenticator.objects.filter(user_id=user_id)


def confirmed_authenticator(*, user_id: UUID) -> Authenticator | None:
    """Return the authenticator that a person is asked for, if they have one."""
    mine = authenticators_of(user_id=user_id).filter(kind=Authenticator.Kind.TOTP)
    return mine.exclude(confirmed_at=None).first()


def unused_recovery_codes(*, user_id: UUID) -> QuerySet[RecoveryCode]:
    """Return the codes that may still stand in for a person's authenticator."""
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None)


def factors_of(*, user_id: UUID) -> tuple[str, ...]:
    """Return by what a person proves who they are beside mail; nothing without any.

    In a request only after the person was entered: nobody's factors can be seen before.
    """
    if confirmed_authenticator(user_id=user_id) is None:
        return ()
    if unused_recovery_codes(user_id=user_id).exists():
        return ("totp", "recovery_code")
    return ("totp",)
