"""Pages of decisions about dead letters: who, why, and what came of each."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from opencore.admin import ReadOnlyAdmin
from outbox.admin.holds import actor_of
from outbox.admin.presenting import moment
from outbox.models import DeadLetter, Replay, ReplayItem
from outbox.replay import ReplayRefused, cancel

ITEMS_SHOWN = 200
VERBS = {
    "replay": "Replayed",
    "discard": "Discarded",
    "republish": "Published again",
}
UNFINISHED = (Replay.State.QUEUED, Replay.State.RUNNING)


@admin.register(Replay)
class Replays(ReadOnlyAdmin):
    """Operations on dead letters; they are begun elsewhere and never edited."""

    class Media:
        css = {"all": ["outbox/admin.css"]}

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
        "cancel_asked_at",
        "canceled_by",
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
        said = (
            f"{VERBS[operation.action]} {operation.done} of {operation.planned} events;"
            f" {operation.refused} refused."
        )
        return f"{said} {_state_in_words(operation)}".rstrip()

    def get_urls(self) -> list[URLPattern]:
        """Add what the button that cancels leads to."""
        end = path(
            "<uuid:operation_id>/cancel/",
            self.admin_site.admin_view(self.cancel),
            name="outbox_replay_cancel",
        )
        return [end, *super().get_urls()]

    def cancel(self, request: HttpRequest, operation_id: UUID) -> HttpResponse:
        """Let the operation end before its next letters, in the person's name."""
        if request.method != "POST" or not _may_cancel(request):
            raise PermissionDenied
        try:
            cancel(operation_id=operation_id, actor=actor_of(request))
        except ReplayRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        return HttpResponseRedirect(
            reverse("admin:outbox_replay_change", args=[operation_id])
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add how far it is and what became of the letters, those refused first."""
        operation = context["original"]
        context["items"] = _items(operation)
        context["items_shown"] = ITEMS_SHOWN
        context["tried"] = operation.done + operation.refused
        context["unfinished"] = operation.state in UNFINISHED
        context["may_cancel"] = (
            context["unfinished"]
            and operation.cancel_asked_at is None
            and _may_cancel(request)
        )
        response: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return response


def _state_in_words(operation: Replay) -> str:
    resume = f"`manage.py replay_deadletters --resume {operation.id}`"
    match operation.state:
        case Replay.State.DONE:
            return ""
        case Replay.State.CANCELED:
            return f"{operation.canceled_by} canceled it; what was left is as it was."
        case Replay.State.QUEUED:
            return (
                "It waits for a worker of Celery, who begins within seconds; without"
                f" one, {resume} does it."
            )
    if operation.cancel_asked_at is not None:
        return f"{operation.canceled_by} canceled it; it ends before its next letters."
    return f"If nobody is running it, {resume} does the rest."


def _may_cancel(request: HttpRequest) -> bool:
    return bool(
        request.user.is_active and request.user.has_perm("outbox.change_deadletter")
    )


def _items(operation: Replay) -> list[tuple[ReplayItem, DeadLetter | None]]:
    rank = {"refused": 0, "planned": 1, "done": 2}
    chosen: list[ReplayItem] = []
    for outcome in rank:
        more: QuerySet[ReplayItem] = operation.items.filter(outcome=outcome)
        chosen += more.order_by("id")[: ITEMS_SHOWN - len(chosen)]
    letters = DeadLetter.objects.in_bulk([item.letter_id for item in chosen])
    return [(item, letters.get(item.letter_id)) for item in chosen]
