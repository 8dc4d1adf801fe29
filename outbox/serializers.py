"""The shapes of what operators ask of the outbox and what they are answered."""

from base64 import b64encode
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    inline_serializer,
)
from rest_framework import serializers

from opencore.rest import StrictSerializer, WholeNumber
from outbox.backlog import RELAY
from outbox.models import Attempt, DeadLetter, Replay, ReplayItem

MOST_LETTERS = 10_000
FASTEST = 10_000.0
LONGEST_REASON = 500
# What may be decided about a letter.
DECISIONS = [
    (action.value, action.label)
    for action in (Replay.Action.REPLAY, Replay.Action.DISCARD)
]


class SelectionBody(StrictSerializer):
    """Which dead letters are meant; what is left out does not narrow."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=1000
    )
    scope = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    topic = serializers.CharField(required=False)
    key = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    cause = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class GroupsQuery(StrictSerializer):
    """Which dead letters are grouped."""

    scope = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    topic = serializers.CharField(required=False)
    key = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)
    cause = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    state = serializers.ChoiceField(
        DeadLetter.State.choices, required=False, default=DeadLetter.State.WAITING
    )


class LettersQuery(GroupsQuery):
    """Which page of which dead letters."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False)


class PageQuery(StrictSerializer):
    """Which page."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False)


class PlanRequest(StrictSerializer):
    """What somebody wants to know before it is decided; nothing is changed."""

    selection = SelectionBody(required=False)
    action = serializers.ChoiceField(
        DECISIONS, required=False, default=Replay.Action.REPLAY
    )
    max = WholeNumber(
        required=False, default=MOST_LETTERS, min_value=1, max_value=MOST_LETTERS
    )
    rate = serializers.FloatField(required=False, min_value=0.01, max_value=FASTEST)
    stop_on_failure_rate = serializers.FloatField(
        required=False, min_value=0, max_value=1
    )


class ReplayRequest(StrictSerializer):
    """A plan that is decided, and why."""

    plan_token = serializers.CharField()
    reason = serializers.CharField(max_length=LONGEST_REASON)


class ReasonBody(StrictSerializer):
    """Why it is decided; the reason is kept."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class KeyBody(ReasonBody):
    """Which key, at the relay or at a consumer, and why."""

    scope = serializers.CharField(required=False, default=RELAY)
    topic = serializers.CharField()
    key = serializers.CharField()


class LetterAnswer(serializers.ModelSerializer[DeadLetter]):
    """A dead letter in a list."""

    class Meta:
        model = DeadLetter
        fields = (
            "id",
            "scope",
            "event_id",
            "type",
            "topic",
            "key",
            "reason",
            "code",
            "error",
            "attempts",
            "failed_at",
            "occurred_at",
            "holds_key",
            "state",
            "resolved_at",
            "resolved_by",
            "resolved_reason",
            "replay_count",
        )
        read_only_fields = fields


class AttemptAnswer(serializers.ModelSerializer[Attempt]):
    """One failed attempt."""

    class Meta:
        model = Attempt
        fields = ("number", "at", "worker", "failure", "code", "message")
        read_only_fields = fields


class LetterDetail(LetterAnswer):
    """A dead letter with its bytes and where it came from."""

    payload = serializers.SerializerMethodField()

    class Meta(LetterAnswer.Meta):
        fields = (  # type: ignore[assignment]  # -- a longer tuple than its parent's
            *LetterAnswer.Meta.fields,
            "partition",
            "offset",
            "request_id",
            "headers",
            "payload",
        )
        read_only_fields = fields  # type: ignore[assignment]  # -- as above

    @extend_schema_field(OpenApiTypes.BYTE)
    def get_payload(self, letter: DeadLetter) -> str:
        """Return the exact bytes, in base 64."""
        return b64encode(bytes(letter.payload)).decode()


class ReplayAnswer(serializers.ModelSerializer[Replay]):
    """A decision about dead letters, and how far it is."""

    class Meta:
        model = Replay
        fields = (
            "id",
            "action",
            "state",
            "filters",
            "reason",
            "actor",
            "rate",
            "stop_on_failure_rate",
            "planned",
            "done",
            "refused",
            "started_at",
            "ended_at",
            "cancel_asked_at",
            "canceled_by",
        )
        read_only_fields = fields


class ItemAnswer(serializers.ModelSerializer[ReplayItem]):
    """What a replay did with one letter."""

    class Meta:
        model = ReplayItem
        fields = ("id", "letter_id", "outcome", "detail", "at")
        read_only_fields = fields


class PlanAnswer(serializers.Serializer[Any]):
    """What would be done, and the token that lets it be done."""

    plan_token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    letters = serializers.IntegerField()
    keys = serializers.IntegerField()
    resolved = serializers.IntegerField()
    oldest = serializers.DateTimeField(allow_null=True)
    by_type = serializers.DictField(child=serializers.IntegerField())
    by_scope = serializers.DictField(child=serializers.IntegerField())
    by_cause = serializers.DictField(child=serializers.IntegerField())
    out_of_order = serializers.IntegerField(allow_null=True)


class GroupAnswer(serializers.Serializer[Any]):
    """The letters of one type that died of one cause at one place."""

    cause = serializers.CharField()
    type = serializers.CharField()
    scope = serializers.CharField()
    letters = serializers.IntegerField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()


def _page(name: str, row: serializers.BaseSerializer[Any]) -> Any:  # noqa: ANN401 -- as inline_serializer
    return inline_serializer(
        name,
        {
            "data": row,
            "next_cursor": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
        },
    )


LetterPage = _page("DeadLetterPage", LetterAnswer(many=True))
ReplayPage = _page("ReplayPage", ReplayAnswer(many=True))
ItemPage = _page("ReplayItemPage", ItemAnswer(many=True))
GroupList = inline_serializer("DeadLetterGroups", {"data": GroupAnswer(many=True)})
SkippedAnswer = inline_serializer("SkippedEvent", {"event_id": serializers.UUIDField()})
PlanOrReplay = PolymorphicProxySerializer(
    component_name="PlanOrReplay",
    serializers=[PlanRequest, ReplayRequest],
    resource_type_field_name=None,
)


class LetterWithAttempts(LetterDetail):
    """A dead letter with its attempts; only the description needs this class."""

    recorded_attempts = AttemptAnswer(many=True, read_only=True)

    class Meta(LetterDetail.Meta):
        fields = (*LetterDetail.Meta.fields, "recorded_attempts")  # type: ignore[assignment]  # -- a longer tuple
        read_only_fields = fields  # type: ignore[assignment]  # -- as above


class ReplayWithItems(ReplayAnswer):
    """An operation with its first items; only the description needs this class."""

    items = ItemAnswer(many=True, read_only=True)

    class Meta(ReplayAnswer.Meta):
        fields = (*ReplayAnswer.Meta.fields, "items")  # type: ignore[assignment]  # -- a longer tuple
        read_only_fields = fields  # type: ignore[assignment]  # -- as above


StatusAnswer = inline_serializer(
    "OutboxStatus",
    {
        "pending": serializers.IntegerField(),
        "pending_is_estimate": serializers.BooleanField(),
        "oldest_pending_at": serializers.DateTimeField(allow_null=True),
        "oldest_pending_seconds": serializers.FloatField(),
        "stray_lanes": serializers.ListField(child=serializers.IntegerField()),
        "held_keys": serializers.DictField(child=serializers.IntegerField()),
        "parked": serializers.DictField(child=serializers.IntegerField()),
        "dead_letters": serializers.DictField(
            child=serializers.DictField(child=serializers.IntegerField())
        ),
        "paused_topics": serializers.ListField(child=serializers.DictField()),
        "lanes": serializers.ListField(child=serializers.DictField()),
    },
)
