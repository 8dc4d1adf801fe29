"""The page of dead letters: what died of what, and the two things one can do."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from opencore.admin import ReadOnlyAdmin
from outbox.admin.events import as_uuid
from outbox.admin.holds import actor_of
from outbox.admin.paging import BoundedPages
from outbox.admin.presenting import identifier, moment, preformatted, pretty, short
from outbox.models import Attempt, DeadLetter, Replay
from outbox.replay import ReplayRefused, Selection, plan, replay

Rows = QuerySet[Any]

# So many letters are decided while a browser waits; for more there is the command.
MOST_LETTERS = 500


class StateFilter(admin.SimpleListFilter):
    """By state; those that wait for a decision unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return the choices besides the first."""
        return [
            (DeadLetter.State.REPLAYED, "Replayed"),
            (DeadLetter.State.DISCARDED, "Discarded"),
            ("all", "All"),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 -- the signature is Django's
        """Name the choice of those who choose nothing."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Waiting"}
        yield from others

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: Rows,
    ) -> Rows:
        """Keep the letters of the state."""
        if self.value() is None:
            return queryset.filter(state=DeadLetter.State.WAITING)
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value())


@admin.register(DeadLetter)
class DeadLetters(ReadOnlyAdmin):
    """Events that can't be sent or handled, and wait for an operator's decision."""

    list_display = ("kind", "cause", "verdict", "place", "died")
    list_filter = (
        StateFilter,
        ("scope", admin.AllValuesFieldListFilter),
        ("reason", admin.AllValuesFieldListFilter),
        ("type", admin.AllValuesFieldListFilter),
        ("topic", admin.AllValuesFieldListFilter),
    )
    search_fields = ("=event_id", "=key")
    search_help_text = "An event's id or a key, in full."
    ordering = ("failed_at", "id")
    list_per_page = 50
    paginator = BoundedPages
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("replay", "discard")
    fields = (
        "verdict",
        "type",
        "event_id",
        "scope",
        "topic",
        "key",
        "reason",
        "code",
        "message",
        "attempts",
        "died",
        "occurred_at",
        "position",
        "partition",
        "offset",
        "request_id",
        "replay_count",
        "headers",
        "text",
    )

    class Media:
        css = {"all": ["outbox/admin.css"]}

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to change letters, though none is ever edited."""
        return bool(
            request.user.is_active and request.user.has_perm("outbox.change_deadletter")
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the page on which a decision is confirmed."""
        confirm = path(
            "resolve/",
            self.admin_site.admin_view(self.resolve),
            name="outbox_deadletter_resolve",
        )
        return [confirm, *super().get_urls()]

    @admin.action(description="Replay the selected letters…", permissions=["resolve"])
    def replay(self, request: HttpRequest, letters: Rows) -> HttpResponse | None:
        """Show what would be replayed."""
        return self._ask_about(request, letters, Replay.Action.REPLAY)

    @admin.action(description="Discard the selected letters…", permissions=["resolve"])
    def discard(self, request: HttpRequest, letters: Rows) -> HttpResponse | None:
        """Show what would be discarded."""
        return self._ask_about(request, letters, Replay.Action.DISCARD)

    def resolve(self, request: HttpRequest) -> HttpResponse:
        """Show what would be done; with a reason, do it and show what came of it."""
        if request.method != "POST" or not self.has_resolve_permission(request):
            raise PermissionDenied
        ids = tuple(_ids(request.POST.get("letters", "")))
        discards = request.POST.get("action") == Replay.Action.DISCARD
        action = Replay.Action.DISCARD if discards else Replay.Action.REPLAY
        reason = request.POST.get("reason", "").strip()
        try:
            if not ids or not reason:
                tried = "reason" in request.POST
                return self._preview(request, ids, action, tried=tried)
            operation = replay(
                selection=Selection(ids=ids),
                action=action,
                actor=actor_of(request),
                reason=reason,
                rate=None,
                limit=MOST_LETTERS,
                stop_on_failure_rate=None,
            )
        except ReplayRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:outbox_deadletter_changelist"))
        return self._show_outcome(request, operation)

    @admin.display(description="type", ordering="type")
    def kind(self, letter: DeadLetter) -> str:
        """Return the type, which an unreadable message has not."""
        return short(letter.type) or "unreadable"

    @admin.display(description="key, scope", ordering="key")
    def place(self, letter: DeadLetter) -> SafeString:
        """Return the key on one line, with where it failed."""
        return format_html("{}<br>{}", identifier(letter.key), letter.scope)

    @admin.display(description="failed at", ordering="failed_at")
    def died(self, letter: DeadLetter) -> str:
        """Return when it was given up."""
        return moment(letter.failed_at)

    @admin.display(description="cause", ordering="reason")
    def cause(self, letter: DeadLetter) -> str:
        """Return the class of failure and the beginning of the message."""
        line = letter.error.partition("\n")[0]
        return f"{letter.reason}: {line[:120]}{'…' if len(line) > 120 else ''}"

    @admin.display(description="state", ordering="state")
    def verdict(self, letter: DeadLetter) -> str:
        """Say what it waits for, or what was decided, by whom and why."""
        if letter.state == DeadLetter.State.WAITING:
            behind = ", and its key behind it" if letter.holds_key else ""
            again = f"; replayed {letter.replay_count} times in vain"
            return (
                f"Waits for a decision{behind}{again if letter.replay_count else ''}."
            )
        return (
            f"{letter.get_state_display()} by {letter.resolved_by} at"
            f" {moment(letter.resolved_at)}: {letter.resolved_reason}"
        )

    @admin.display(description="error")
    def message(self, letter: DeadLetter) -> SafeString:
        """Return the error with its line breaks."""
        return preformatted(letter.error)

    @admin.display(description="payload")
    def text(self, letter: DeadLetter) -> SafeString:
        """Return the payload for reading."""
        return pretty(letter.payload)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the attempts, and the two decisions to whoever may take them."""
        letter = context["original"]
        context["attempts"] = Attempt.objects.filter(
            event_id=letter.event_id, scope=letter.scope
        ).order_by("at", "id")
        context["may_resolve"] = (
            letter.state == DeadLetter.State.WAITING
            and self.has_resolve_permission(request)
        )
        response: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return response

    def _ask_about(
        self, request: HttpRequest, letters: Rows, action: Replay.Action
    ) -> HttpResponse | None:
        ids = tuple(letters.order_by().values_list("id", flat=True)[: MOST_LETTERS + 1])
        if len(ids) > MOST_LETTERS:
            self.message_user(
                request,
                f"At most {MOST_LETTERS} letters are decided here at once; for more,"
                " use manage.py replay_deadletters.",
                messages.ERROR,
            )
            return None
        return self._preview(request, ids, action, tried=False)

    def _preview(
        self,
        request: HttpRequest,
        ids: tuple[UUID, ...],
        action: Replay.Action,
        *,
        tried: bool,
    ) -> HttpResponse:
        if not ids:
            raise ReplayRefused("No letters were selected.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{action.label} these letters?",
            "plan": plan(selection=Selection(ids=ids), limit=MOST_LETTERS),
            "letters": " ".join(str(name) for name in ids),
            "action": action,
            "tried": tried,
        }
        return TemplateResponse(
            request, "admin/outbox/deadletter/resolve.html", context
        )

    def _show_outcome(self, request: HttpRequest, operation: Replay) -> HttpResponse:
        discards = operation.action == Replay.Action.DISCARD
        self.message_user(
            request,
            f"{'Discarded' if discards else 'Replayed'} {operation.done} of"
            f" {operation.planned} events; {operation.refused} refused.",
            messages.WARNING if operation.refused else messages.SUCCESS,
        )
        return HttpResponseRedirect(
            reverse("admin:outbox_replay_change", args=[operation.id])
        )


def _ids(text: str) -> Iterable[UUID]:
    return (name for name in map(as_uuid, text.split()) if name is not None)
