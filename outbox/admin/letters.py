"""The page of dead letters: what died of what, and the two things one can do."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from opencore.admin import ReadOnlyAdmin
from outbox.admin.events import as_uuid
from outbox.admin.filters import CauseFilter, DiedFilter, StateFilter
from outbox.admin.holds import actor_of
from outbox.admin.paging import BoundedPages
from outbox.admin.presenting import identifier, moment, preformatted, pretty, short
from outbox.models import Attempt, DeadLetter, Replay
from outbox.replay import ReplayRefused, Selection, begin, plan_of, prepare
from outbox.replay.causes import groups_of

Rows = QuerySet[Any]

# So many letters are planned while a browser waits; for more there is the command.
MOST_LETTERS = 5000


@admin.register(DeadLetter)
class DeadLetters(ReadOnlyAdmin):
    """Events that can't be sent or handled, and wait for an operator's decision."""

    list_display = ("kind", "cause", "verdict", "place", "died")
    list_filter = (
        StateFilter,
        DiedFilter,
        CauseFilter,
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
        """Add the page of groups, and the one on which a decision is confirmed."""
        pages = {"groups": self.show_groups, "resolve": self.resolve}
        mine = [
            path(
                f"{name}/",
                self.admin_site.admin_view(page),
                name=f"outbox_deadletter_{name}",
            )
            for name, page in pages.items()
        ]
        return [*mine, *super().get_urls()]

    @admin.action(description="Replay the selected letters…", permissions=["resolve"])
    def replay(self, request: HttpRequest, letters: Rows) -> HttpResponse | None:
        """Show what would be replayed."""
        return self._ask_about(request, letters, Replay.Action.REPLAY)

    @admin.action(description="Discard the selected letters…", permissions=["resolve"])
    def discard(self, request: HttpRequest, letters: Rows) -> HttpResponse | None:
        """Show what would be discarded."""
        return self._ask_about(request, letters, Replay.Action.DISCARD)

    def show_groups(self, request: HttpRequest) -> HttpResponse:
        """Show the letters that wait by what they died of."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Dead letters by cause",
            "groups": groups_of(DeadLetter.objects.waiting()),
            "may_resolve": self.has_resolve_permission(request),
        }
        return TemplateResponse(request, "admin/outbox/deadletter/groups.html", context)

    def resolve(self, request: HttpRequest) -> HttpResponse:
        """Show what would be done; with a reason, let Celery do exactly that."""
        if request.method != "POST" or not self.has_resolve_permission(request):
            raise PermissionDenied
        try:
            if "plan" in request.POST:
                return self._decide(request)
            return self._preview(request, _selection(request), _action(request))
        except ReplayRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:outbox_deadletter_changelist"))

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
        return self._preview(request, Selection(ids=ids), action)

    def _preview(
        self, request: HttpRequest, selection: Selection, action: Replay.Action
    ) -> HttpResponse:
        operation = prepare(
            selection=selection,
            action=action,
            actor=actor_of(request),
            rate=None,
            limit=MOST_LETTERS,
            stop_on_failure_rate=None,
        )
        return self._ask_why(request, operation, tried=False)

    def _decide(self, request: HttpRequest) -> HttpResponse:
        planned = as_uuid(request.POST["plan"]) or UUID(int=0)
        mine = Replay.objects.filter(
            id=planned, actor=actor_of(request), state=Replay.State.PLANNED
        ).first()
        reason = request.POST.get("reason", "")
        if mine is not None and not reason.strip():
            return self._ask_why(request, mine, tried=True)
        operation = begin(
            operation_id=planned,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )
        return HttpResponseRedirect(
            reverse("admin:outbox_replay_change", args=[operation.id])
        )

    def _ask_why(
        self, request: HttpRequest, operation: Replay, *, tried: bool
    ) -> HttpResponse:
        action = Replay.Action(operation.action)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{action.label} these letters?",
            "plan": plan_of(operation),
            "operation": operation,
            "action": action,
            "tried": tried,
        }
        return TemplateResponse(
            request, "admin/outbox/deadletter/resolve.html", context
        )


def _action(request: HttpRequest) -> Replay.Action:
    discards = request.POST.get("action") == Replay.Action.DISCARD
    return Replay.Action.DISCARD if discards else Replay.Action.REPLAY


def _selection(request: HttpRequest) -> Selection:
    """Return the letters that were named, or those of a group. Raises ReplayRefused."""
    cause = request.POST.get("cause", "")
    ids = tuple(_ids(request.POST.get("letters", "")))
    if not ids and not cause:
        raise ReplayRefused("No letters were selected.")
    return Selection(
        ids=ids,
        cause=cause,
        type=request.POST.get("type"),
        scope=request.POST.get("scope"),
    )


def _ids(text: str) -> Iterable[UUID]:
    return (name for name in map(as_uuid, text.split()) if name is not None)
