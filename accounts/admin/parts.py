"""What the pages of accounts share."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import (
    User,
)
from opencore.authentication import FRESH, StepUpRequired

MOST_ROWS = 100
PROVED_AT = "opencore.proved_at"

if TYPE_CHECKING:
    Inline = admin.TabularInline[Any, Any]
else:
    Inline = admin.TabularInline


class ReadOnlyInline(Inline):
    """Rows beside their owner, which nobody can change there: the first of many.

    `owner` is the field that names the owner, `related` what is shown of others.
    """

    owner: str
    related: tuple[str, ...] = ()
    extra = 0
    can_delete = False
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return no more rows than a page can hold, and what they name with them."""
        rows: QuerySet[Any] = super().get_queryset(request)
        place = request.resolver_match
        owner = None if place is None else place.kwargs.get("object_id")
        first = rows.filter(**{self.owner: owner}).order_by(*(self.ordering or ()))
        shown = rows.filter(pk__in=first.values("pk")[:MOST_ROWS])
        return shown.select_related(*self.related) if self.related else shown

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


def note_proof(request: HttpRequest, *, now: datetime) -> None:
    """Note in the browser's session that staff proved just now who they are."""
    request.session[PROVED_AT] = now.isoformat()


def require_proof(request: HttpRequest, *, now: datetime) -> None:
    """Raise StepUpRequired if it is too long ago that staff proved who they are."""
    proved_at = request.session.get(PROVED_AT)
    if proved_at is None or now - datetime.fromisoformat(proved_at) > FRESH:
        raise StepUpRequired("Sign in to the admin again first, then repeat this.")


def link(label: str, page: str, term: object) -> dict[str, str]:
    """Return a link to what a list of the admin finds, of this app or another."""
    return {"label": label, "url": f"{reverse(f'admin:{page}_changelist')}?q={term}"}


def links_to_record(thing_id: object) -> list[dict[str, str]]:
    """Return where the record of a thing is."""
    return [link("Record", "accounts_auditentry", thing_id)]
