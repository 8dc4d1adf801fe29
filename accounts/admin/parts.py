"""What the pages of accounts share."""

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import (
    User,
)

if TYPE_CHECKING:
    Inline = admin.TabularInline[Any, Any]
else:
    Inline = admin.TabularInline


class ReadOnlyInline(Inline):
    """Rows beside their owner, which nobody can change there."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False


def actor_of(request: HttpRequest) -> UUID:
    """Return who of the staff asks."""
    return cast("User", request.user).id
