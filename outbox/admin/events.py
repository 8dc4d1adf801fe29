"""Pages of events: those that wait, those that are parked, those delivered."""

from typing import Any
from uuid import UUID
from zlib import crc32

from django.conf import settings
from django.contrib import admin
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from opencore.events import CATALOGUE, TOPICS
from outbox.admin.paging import BigTableAdmin
from outbox.admin.presenting import (
    explain_event,
    explain_message,
    identifier,
    moment,
    pretty,
    short,
)
from outbox.backlog import RELAY
from outbox.models import (
    ArchivedEvent,
    Hold,
    Lane,
    OutboxEvent,
    ParkedMessage,
    TopicPause,
)

Rows = QuerySet[Any]


class CatalogueFilter(admin.SimpleListFilter):
    """A filter by what the catalogue knows, without asking the table."""

    choices_of: tuple[str, ...] = ()

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(choice, short(choice)) for choice in self.choices_of]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:  # noqa: ARG002 -- the signature is Django's
        """Keep the rows that were chosen."""
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(**{str(self.parameter_name): chosen})


class TypeFilter(CatalogueFilter):
    """By type of event."""

    title = "type"
    parameter_name = "type"
    choices_of = tuple(sorted(CATALOGUE))


class TopicFilter(CatalogueFilter):
    """By topic."""

    title = "topic"
    parameter_name = "topic"
    choices_of = TOPICS


class EventAdmin(BigTableAdmin):
    """What the pages of events have in common."""

    search_help_text = "An event's id or a key, in full."

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: Rows,
        search_term: str,
    ) -> tuple[Rows, bool]:
        """Find exactly this id or this key; parts of them would read the table."""
        term = search_term.strip()
        return (queryset.filter(self.condition(term)) if term else queryset), False

    def condition(self, term: str) -> Q:
        """Return what the rows meet that a term searches for."""
        by_key = Q(key=term)
        event_id = as_uuid(term)
        return by_key if event_id is None else by_key | Q(event_id=event_id)

    @admin.display(description="type")
    def kind(self, row: OutboxEvent) -> str:
        """Return the type, shortened."""
        return short(row.type)

    @admin.display(description="key")
    def place(self, row: OutboxEvent) -> SafeString:
        """Return the key on one line."""
        return identifier(row.key)

    @admin.display(description="event id")
    def name(self, row: OutboxEvent) -> SafeString:
        """Return the event's id on one line."""
        return identifier(row.event_id)

    @admin.display(description="payload")
    def text(self, row: OutboxEvent) -> SafeString:
        """Return the payload for reading."""
        return pretty(row.payload)


@admin.register(OutboxEvent)
class WaitingEvents(EventAdmin):
    """Events that Kafka has not acknowledged, and why not yet."""

    list_display = ("kind", "state", "attempts", "place", "stored")
    list_filter = (TypeFilter, TopicFilter)
    search_fields = ("event_id", "key")
    # The order of the only index. Within a lane, the oldest are first.
    ordering = ("lane", "id")
    fields = (
        "state",
        "type",
        "event_id",
        "topic",
        "key",
        "lane",
        "id",
        "attempts",
        "available_at",
        "occurred_at",
        "stored",
        "request_id",
        "headers",
        "text",
    )

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Return the events with what explains their waiting."""
        events: Rows = super().get_queryset(request)
        hold = Hold.objects.filter(
            scope=RELAY, topic=OuterRef("topic"), key=OuterRef("key")
        )
        pause = TopicPause.objects.filter(topic=OuterRef("topic"))
        lane = Lane.objects.filter(lane=OuterRef("lane"))
        explained: Rows = events.annotate(
            hold_since=Subquery(hold.values("since")),
            hold_event_id=Subquery(hold.values("event_id")),
            hold_reason=Subquery(hold.values("reason")),
            paused_since=Subquery(pause.values("since")),
            paused_reason=Subquery(pause.values("reason")),
            lane_owner=Subquery(lane.values("owner")),
            lane_until=Subquery(lane.values("lease_until")),
        )
        return explained

    def get_object(
        self,
        request: HttpRequest,
        object_id: str,
        from_field: str | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> Model | None:
        """Find the event by lane and id, as its index does."""
        lane, _, number = object_id.partition("-")
        if not (lane.isdigit() and number.isdigit()):
            return None
        return self.get_queryset(request).filter(lane=lane, id=number).first()

    def name_of(self, row: OutboxEvent) -> str:
        """Return the lane and the id."""
        return f"{row.lane}-{row.id}"

    def condition(self, term: str) -> Q:
        """Look for a key only where its events are."""
        lane = crc32(term.encode()) % int(settings.OUTBOX_LANES)
        by_key = Q(lane=lane, key=term)
        event_id = as_uuid(term)
        return by_key if event_id is None else by_key | Q(event_id=event_id)

    @admin.display(description="stored at")
    def stored(self, row: OutboxEvent) -> str:
        """Return when it was emitted."""
        return moment(row.created_at)

    @admin.display(description="state")
    def state(self, row: OutboxEvent) -> str:
        """Say why it waits."""
        return explain_event(row, now=timezone.now())


@admin.register(ParkedMessage)
class ParkedMessages(EventAdmin):
    """Messages that wait at a consumer, behind a failure of their key."""

    list_display = ("kind", "consumer", "state", "attempts", "place", "parked")
    list_filter = (("consumer", admin.AllValuesFieldListFilter), TypeFilter)
    search_fields = ("event_id", "key")
    ordering = ("id",)
    fields = (
        "state",
        "consumer",
        "type",
        "event_id",
        "topic",
        "key",
        "partition",
        "offset",
        "attempts",
        "parked",
        "headers",
        "text",
    )

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Return the messages with what explains their waiting."""
        messages: Rows = super().get_queryset(request)
        hold = Hold.objects.filter(
            scope=OuterRef("consumer"), topic=OuterRef("topic"), key=OuterRef("key")
        )
        explained: Rows = messages.annotate(
            hold_since=Subquery(hold.values("since")),
            hold_event_id=Subquery(hold.values("event_id")),
            hold_reason=Subquery(hold.values("reason")),
            hold_resume_at=Subquery(hold.values("resume_at")),
        )
        return explained

    @admin.display(description="parked at")
    def parked(self, row: ParkedMessage) -> str:
        """Return since when it waits."""
        return moment(row.parked_at)

    @admin.display(description="state")
    def state(self, row: ParkedMessage) -> str:
        """Say why it waits."""
        return explain_message(row, now=timezone.now())


@admin.register(ArchivedEvent)
class DeliveredEvents(EventAdmin):
    """Events that Kafka has acknowledged, newest first."""

    list_display = ("kind", "name", "place", "delivered")
    search_fields = ("event_id",)
    search_help_text = "An event's id, in full."
    # Ids of events sort by time, and are what the archive has an index on.
    ordering = ("-event_id",)
    sortable_by = ()
    fields = (
        "type",
        "event_id",
        "topic",
        "key",
        "lane",
        "id",
        "attempts",
        "occurred_at",
        "created_at",
        "delivered",
        "request_id",
        "headers",
        "text",
    )

    @admin.display(description="delivered at")
    def delivered(self, row: ArchivedEvent) -> str:
        """Return when Kafka had acknowledged it."""
        return moment(row.delivered_at)

    def get_object(
        self,
        request: HttpRequest,
        object_id: str,
        from_field: str | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> Model | None:
        """Find the event by its own id, as the archive's index does."""
        event_id = as_uuid(object_id)
        if event_id is None:
            return None
        return self.get_queryset(request).filter(event_id=event_id).first()

    def name_of(self, row: ArchivedEvent) -> str:
        """Return the event's own id."""
        return str(row.event_id)

    def condition(self, term: str) -> Q:
        """Find by the event's id alone; the archive has no index on keys."""
        return Q(event_id=as_uuid(term), event_id__isnull=False)


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
