"""People."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from opencore.errors import FieldProblem, ValidationFailed
from opencore.tokens import TokenInvalid


def get_active_user(*, user_id: UUID) -> User:
    """Return who a token speaks of; raises TokenInvalid if they may act no more."""
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is None:
        raise TokenInvalid
    return user


def users_with_address(*, email: str) -> QuerySet[User]:
    """Return who has an address: one person or nobody."""
    return User.objects.with_address(email)


def get_user_to_add(*, user_id: UUID | None, email: str | None) -> User:
    """Return the active user with this id or address; raises ValidationFailed."""
    named, pointer = User.objects.none(), "/user_id"
    if user_id is not None:
        named = User.objects.filter(id=user_id)
    elif email is not None:
        named, pointer = User.objects.with_address(email), "/email"
    user = named.filter(is_active=True).first()
    if user is None:
        problem = FieldProblem(pointer, "unknown_user", "There is no such user.")
        raise ValidationFailed(errors=(problem,))
    return user
