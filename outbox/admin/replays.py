"""Pages of decisions about dead letters: who, why, and what came of each."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from opencore.admin import ReadOnlyAdmin
from outbox.admin.presenting import moment
from outbox.models import DeadLetter, Replay, ReplayItem

ITEMS_SHOWN = 200


@admin.register(Replay)
class Replays(ReadOnlyAdmin):
    """Operations on dead letters; they are begun elsewhere and never edited."""

    list_display = (
        "began",
        "action",
        "state",
        "planned",
        "done",
        "refused",
        "actor",
        "reason",
    )
    list_display_links = ("began", "action")
    list_filter = ("action", "state")
    search_fields = ("=id", "=actor")
    # Ids of operations sort by time.
    ordering = ("-id",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None
    fields = (
        "summary",
        "id",
        "action",
        "state",
        "reason",
        "actor",
        "filters",
        "rate",
        "request_id",
        "started_at",
        "ended_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Replay]:
        """Leave out plans: nobody decided them."""
        return super().get_queryset(request).exclude(state=Replay.State.PLANNED)

    @admin.display(description="started at")
    def began(self, operation: Replay) -> str:
        """Return when it was decided."""
        return moment(operation.started_at)

    @admin.display(description="outcome")
    def summary(self, operation: Replay) -> str:
        """Say what came of it, and how to go on if it was left unfinished."""
        verb = {"replay": "Replayed", "discard": "Discarded"}[operation.action]
        said = (
            f"{verb} {operation.done} of {operation.planned} events;"
            f" {operation.refused} refused."
        )
        if operation.state == Replay.State.DONE:
            return said
        return (
            f"{said} If nobody is running it, `manage.py replay_deadletters"
            f" --resume {operation.id}` does the rest."
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what became of the letters, those refused first."""
        operation = context["original"]
        context["items"] = _items(operation)
        context["items_shown"] = ITEMS_SHOWN
        response: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return response


def _items(operation: Replay) -> list[tuple[ReplayItem, DeadLetter | None]]:
    rank = {"refused": 0, "planned": 1, "done": 2}
    chosen: list[ReplayItem] = []
    for outcome in rank:
        more: QuerySet[ReplayItem] = operation.items.filter(outcome=outcome)
        chosen += more.order_by("id")[: ITEMS_SHOWN - len(chosen)]
    letters = DeadLetter.objects.in_bulk([item.letter_id for item in chosen])
    return [(item, letters.get(item.letter_id)) for item in chosen]
