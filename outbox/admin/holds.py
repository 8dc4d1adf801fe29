"""Pages of what makes events wait: held keys, paused topics, and lanes."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from opencore.admin import ReadOnlyAdmin
from outbox.actions import ActionRefused
from outbox.admin.presenting import explain_hold, identifier, moment
from outbox.holding import hold_key
from outbox.inspecting import inspect_key
from outbox.models import DeadLetter, Hold, Lane, TopicPause
from outbox.releasing import release_key, resume_topic, skip_event

Rows = QuerySet[Any]

DECISIONS: dict[str, Callable[..., object]] = {
    "hold": hold_key,
    "release": release_key,
    "skip": skip_event,
}


class ReleasingAdmin(ReadOnlyAdmin):
    """A page whose rows end by a decision with a reason, and never by an edit."""

    question = ""

    class Media:
        css = {"all": ["outbox/admin.css"]}

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to change what the row stands for."""
        name = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return bool(request.user.is_active and request.user.has_perm(name))

    def ask_or_act(
        self,
        request: HttpRequest,
        rows: Rows,
        action: str,
        act: Callable[[Any, str, str], None],
    ) -> HttpResponse | None:
        """Ask for a reason first; with one, act on each row and note who did it."""
        reason = request.POST.get("reason", "").strip()
        if not reason:
            return self._ask(request, rows, action, tried="reason" in request.POST)
        user_id = cast("int | UUID", request.user.pk)
        for row in rows:
            try:
                with transaction.atomic():
                    act(row, actor_of(request), reason)
                    LogEntry.objects.log_actions(
                        user_id, [row], CHANGE, f"{action}: {reason}"
                    )
            except ActionRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.message_user(request, f"Done: {row}.", messages.SUCCESS)
        return None

    def _ask(
        self, request: HttpRequest, rows: Rows, action: str, *, tried: bool
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.question,
            "rows": rows,
            "action": action,
            "tried": tried,
        }
        return TemplateResponse(request, "admin/outbox/release.html", context)


@admin.register(Hold)
class Holds(ReleasingAdmin):
    """Keys whose events wait."""

    list_display = ("place", "scope", "state", "reason", "began")
    list_filter = (
        ("scope", admin.AllValuesFieldListFilter),
        ("topic", admin.AllValuesFieldListFilter),
    )
    search_fields = ("=key", "=event_id")
    ordering = ("since", "id")
    show_facets = admin.ShowFacets.NEVER
    actions = ("release",)
    question = "Release these keys?"
    fields = (
        "state",
        "scope",
        "topic",
        "key",
        "event_id",
        "reason",
        "held_by",
        "since",
        "resume_at",
    )

    change_list_template = "admin/outbox/hold/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page that says why a key waits."""
        inspect = path(
            "inspect/",
            self.admin_site.admin_view(self.inspect),
            name="outbox_hold_inspect",
        )
        return [inspect, *super().get_urls()]

    def inspect(self, request: HttpRequest) -> HttpResponse:
        """Say where events of a key wait, why, and what was decided about it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        key = request.GET.get("key", "").strip()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Why does this key wait?",
            "key": key,
            "report": inspect_key(key=key) if key else None,
            "may_decide": self.has_release_permission(request),
        }
        if request.method == "POST":
            return self._decide(request)
        return TemplateResponse(request, "admin/outbox/hold/inspect.html", context)

    def _decide(self, request: HttpRequest) -> HttpResponse:
        if not self.has_release_permission(request):
            raise PermissionDenied
        said = request.POST
        decide = DECISIONS.get(said.get("decision", ""))
        if decide is None:
            raise BadRequest("No such decision.")
        place = {name: said.get(name, "") for name in ("scope", "topic", "key")}
        try:
            decide(**place, actor=actor_of(request), reason=said.get("reason", ""))
        except ActionRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.message_user(request, "Done, and recorded.", messages.SUCCESS)
        page = reverse("admin:outbox_hold_inspect")
        return HttpResponseRedirect(f"{page}?{urlencode({'key': place['key']})}")

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Return the holds with the letters that they wait for."""
        holds: Rows = super().get_queryset(request)
        letter = DeadLetter.objects.waiting().filter(
            scope=OuterRef("scope"), event_id=OuterRef("event_id")
        )
        explained: Rows = holds.annotate(letter_id=Subquery(letter.values("id")))
        return explained

    @admin.display(description="state")
    def state(self, row: Hold) -> str:
        """Say what it waits for, and lead to it."""
        letter: UUID | None = vars(row)["letter_id"]
        if letter is None:
            return explain_hold(row)
        page = reverse("admin:outbox_deadletter_change", args=[letter])
        return format_html('<a href="{}">{}</a>', page, explain_hold(row))

    @admin.display(description="key")
    def place(self, row: Hold) -> SafeString:
        """Return the key on one line, with its topic."""
        return format_html("{}<br>{}", identifier(row.key), row.topic)

    @admin.display(description="since", ordering="since")
    def began(self, row: Hold) -> str:
        """Return since when it waits."""
        return moment(row.since)

    @admin.action(description="Release the selected keys", permissions=["release"])
    def release(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        """Let the events of the keys go on."""

        def act(hold: Hold, actor: str, reason: str) -> None:
            release_key(
                scope=hold.scope,
                topic=hold.topic,
                key=hold.key,
                actor=actor,
                reason=reason,
            )

        return self.ask_or_act(request, rows, "release", act)


@admin.register(TopicPause)
class TopicPauses(ReleasingAdmin):
    """Topics that Kafka refuses, or that somebody paused."""

    list_display = ("topic", "state", "reason", "code", "began")
    ordering = ("topic",)
    actions = ("resume",)
    question = "Resume these topics?"
    fields = ("topic", "state", "reason", "code", "paused_by", "since", "resume_at")

    @admin.display(description="state")
    def state(self, row: TopicPause) -> str:
        """Say when something is sent again."""
        if row.resume_at is None:
            return "Paused until somebody resumes it."
        return f"Tried again at {moment(row.resume_at)}."

    @admin.display(description="since", ordering="since")
    def began(self, row: TopicPause) -> str:
        """Return since when it is paused."""
        return moment(row.since)

    @admin.action(description="Resume the selected topics", permissions=["release"])
    def resume(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        """Let the relays send to the topics again."""

        def act(pause: TopicPause, actor: str, reason: str) -> None:
            resume_topic(topic=pause.topic, actor=actor, reason=reason)

        return self.ask_or_act(request, rows, "resume", act)


@admin.register(Lane)
class Lanes(ReadOnlyAdmin):
    """Who sends the events of which keys."""

    list_display = ("lane", "state", "epoch", "until")
    ordering = ("lane",)
    list_per_page = 1024
    actions = None
    fields = ("lane", "state", "owner", "epoch", "lease_until")

    @admin.display(description="state")
    def state(self, row: Lane) -> str:
        """Say who serves it."""
        if row.owner and row.lease_until > timezone.now():
            return f"Served by {row.owner}."
        return "Free: no relay serves it."

    @admin.display(description="lease until")
    def until(self, row: Lane) -> str:
        """Return when the lease ends unless it is renewed."""
        return moment(row.lease_until)


def actor_of(request: HttpRequest) -> str:
    """Return the name under which a decision of this person is kept."""
    email: str = getattr(request.user, "email", "")
    return email or request.user.get_username()
