"""The shapes of what operators ask of the route table and what they are answered."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, inline_serializer
from rest_framework import serializers

from gateway_proxy.models import PlanAssignment, TableVersion
from opencore.rest import StrictSerializer, WholeNumber

LONGEST_REASON = 500
Json = serializers.DictField


class PageQuery(StrictSerializer):
    """Which page."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False)


class AssignmentsQuery(PageQuery):
    """Which page of whose plans."""

    subject_id = serializers.UUIDField(required=False)


class ChangeBody(StrictSerializer):
    """What somebody would change of the route table; nothing is changed.

    It is laid over what was changed before, name by name; a null in it lets that part
    be as the settings say again.
    """

    change = Json()


class RestoreBody(StrictSerializer):
    """Which version somebody would bring back; 0 is the settings' table."""

    restores = WholeNumber(min_value=0)


class PublishBody(StrictSerializer):
    """A plan that is decided, and why; the reason is kept."""

    plan_token = serializers.CharField()
    reason = serializers.CharField(max_length=LONGEST_REASON)


ChangeOrPublish = PolymorphicProxySerializer(
    component_name="GatewayChangeOrPublish",
    serializers=[ChangeBody, RestoreBody, PublishBody],
    resource_type_field_name=None,
)


class VersionAnswer(serializers.ModelSerializer[TableVersion]):
    """One published version, with all that it changes of the settings' table."""

    class Meta:
        model = TableVersion
        fields = ("version", "published_at", "actor", "reason", "restores", "changes")
        read_only_fields = fields


class AssignmentAnswer(serializers.ModelSerializer[PlanAssignment]):
    """Which plan a user or an organization has."""

    plan = serializers.CharField(source="plan_id")

    class Meta:
        model = PlanAssignment
        fields = ("subject_id", "plan")
        read_only_fields = fields


class DifferenceAnswer(serializers.Serializer[Any]):
    """One part of the table before and after; null where there is none."""

    pointer = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangePlan(serializers.Serializer[Any]):
    """What would be different, and the token that lets it be published."""

    plan_token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    based_on = serializers.IntegerField()
    differences = DifferenceAnswer(many=True)


def _list(name: str, row: serializers.Field[Any, Any, Any, Any], **more: Any) -> Any:  # noqa: ANN401 -- as inline_serializer
    return inline_serializer(name, {"data": row, **more})


def _page(name: str, row: serializers.BaseSerializer[Any]) -> Any:  # noqa: ANN401 -- as above
    return _list(
        name,
        row,
        next_cursor=serializers.CharField(allow_null=True),
        has_more=serializers.BooleanField(),
    )


_ROUTE = inline_serializer(
    "GatewayRoute",
    {
        "prefix": serializers.CharField(),
        "changed": serializers.BooleanField(),
        "enabled": serializers.BooleanField(),
        "upstreams": serializers.ListField(child=serializers.CharField()),
        "public": serializers.ListField(child=serializers.CharField()),
        "audience": serializers.CharField(),
        "cost": serializers.IntegerField(),
        "when_down": serializers.CharField(),
        "limits": Json(),
        "body_limit": serializers.IntegerField(),
        "timeouts": Json(),
        "identity": serializers.CharField(),
        "api_keys": serializers.BooleanField(),
    },
    many=True,
)
_PLAN = inline_serializer(
    "GatewayPlan",
    {
        "name": serializers.CharField(),
        "limits": Json(),
        "assignments": serializers.IntegerField(),
    },
    many=True,
)
_SIGHTING = inline_serializer(
    "GatewaySighting",
    {"process": serializers.CharField(), "version": serializers.IntegerField()},
    many=True,
)
RouteList = _list("GatewayRoutes", _ROUTE)
PlanList = _list("GatewayPlans", _PLAN)
VersionPage = _page("GatewayVersionPage", VersionAnswer(many=True))
AssignmentPage = _page("GatewayAssignmentPage", AssignmentAnswer(many=True))
LiveList = _list(
    "GatewayLive",
    _SIGHTING,
    version=serializers.IntegerField(),
    reachable=serializers.BooleanField(),
)
TableAnswer = inline_serializer(
    "GatewayTable",
    {
        "version": serializers.IntegerField(),
        "changes": Json(),
        "table": Json(),
    },
)
