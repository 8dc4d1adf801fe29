"""What operators changed of the settings' route table, and every table there was."""

from django.db import models
from django.db.models.functions import Now

from gateway_proxy.core.documentshape import LARGEST_BODY
from opencore.postgresql.append_only import append_only

PREFIX = r"^(/[a-z0-9_~-][a-z0-9._~-]*)+$"
NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Route(models.Model):
    """A route of its own, or what is different about one of the settings.

    What is null is as the settings say. These rows and those of limits, plans and
    assignments are the changes of the latest version, where PostgreSQL can look at
    them; they are written by publishing alone.
    """

    class WhenDown(models.TextChoices):
        """Who decides about limits while Redis is away."""

        LOCAL = "local", "each process for itself"
        OPEN = "open", "nobody: all pass"
        CLOSED = "closed", "nobody: none passes"

    class Identity(models.TextChoices):
        """How an upstream is told who asks."""

        HEADERS = "headers", "by headers"
        TOKEN = "token", "by a short-lived token"

    prefix = models.TextField(unique=True)
    enabled = models.BooleanField(null=True)
    upstreams = models.JSONField(null=True)
    public = models.JSONField(null=True)
    audience = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    cost = models.IntegerField(null=True)
    when_down = models.TextField(choices=WhenDown, null=True)  # noqa: DJ001 -- as above
    body_limit = models.BigIntegerField(null=True)
    connect_timeout = models.FloatField(null=True)
    head_timeout = models.FloatField(null=True)
    whole_timeout = models.FloatField(null=True)
    identity = models.TextField(choices=Identity, null=True)  # noqa: DJ001 -- as above
    api_keys = models.BooleanField(null=True)

    class Meta:
        db_table = "gateway_route"
        verbose_name = "changed route"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(prefix__regex=PREFIX),
                name="gateway_prefix_is_whole_segments",
            ),
            models.CheckConstraint(
                condition=models.Q(cost__gte=1), name="gateway_route_costs_something"
            ),
            models.CheckConstraint(
                condition=models.Q(body_limit__range=(0, LARGEST_BODY)),
                name="gateway_body_limit_is_possible",
            ),
            models.CheckConstraint(
                condition=models.Q(when_down__in=("local", "open", "closed")),
                name="gateway_route_knows_what_without_redis",
            ),
            models.CheckConstraint(
                condition=models.Q(identity__in=("headers", "token")),
                name="gateway_route_knows_how_to_identify",
            ),
            models.CheckConstraint(
                condition=models.Q(connect_timeout__gt=0)
                & models.Q(head_timeout__gt=0)
                & models.Q(whole_timeout__gt=0),
                name="gateway_timeouts_are_positive",
            ),
        )

    def __str__(self) -> str:
        return self.prefix


class Plan(models.Model):
    """Limits of their own for the users and organizations that have the plan."""

    name = models.TextField(primary_key=True)

    class Meta:
        db_table = "gateway_plan"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(name__regex=NAME), name="gateway_plan_has_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Limit(models.Model):
    """The numbers of one kind of bucket: of the table, of a route, or of a plan.

    Of the table's, what is null is as the settings say.
    """

    class Name(models.TextChoices):
        """Who shares a bucket."""

        ADDRESS = "address", "an address, without a token"
        NETWORK = "network", "an address, with or without a token"
        USER = "user", "a user"
        ORG = "org", "an organization"
        ROUTE = "route", "all of a route"

    route = models.ForeignKey(Route, models.CASCADE, null=True, related_name="limits")
    plan = models.ForeignKey(Plan, models.CASCADE, null=True, related_name="limits")
    name = models.TextField(choices=Name)
    rate = models.FloatField(null=True)
    burst = models.IntegerField(null=True)
    shadow = models.BooleanField(null=True)

    class Meta:
        db_table = "gateway_limit"
        verbose_name = "changed limit"
        constraints = (
            models.UniqueConstraint(
                fields=("route", "plan", "name"),
                nulls_distinct=False,
                name="gateway_one_limit_of_a_name",
            ),
            models.CheckConstraint(
                condition=models.Q(route=None) | models.Q(plan=None),
                name="gateway_limit_has_one_owner",
            ),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0) & models.Q(burst__gte=1),
                name="gateway_limit_lets_something_through",
            ),
            models.CheckConstraint(
                condition=models.Q(plan=None, name__in=("address", "network"))
                | models.Q(name__in=("user", "org"))
                | models.Q(route__isnull=False, name="route"),
                name="gateway_limit_fits_its_owner",
            ),
            models.CheckConstraint(
                condition=models.Q(route=None, plan=None)
                | models.Q(rate__isnull=False, burst__isnull=False),
                name="gateway_limit_of_its_own_has_numbers",
            ),
        )

    def __str__(self) -> str:
        owner = self.route_id or self.plan_id
        return f"{self.name} of {owner}" if owner else self.name


class PlanAssignment(models.Model):
    """Which plan a user or an organization has."""

    subject_id = models.UUIDField(primary_key=True)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="assignments")

    class Meta:
        db_table = "gateway_plan_assignment"

    def __str__(self) -> str:
        return f"{self.subject_id}: {self.plan_id}"


class TableVersion(models.Model):
    """One published version: what it changes of the settings' table, by whom and why.

    Gateways run the latest; an older one is taken back by publishing it again.
    """

    version = models.BigIntegerField(primary_key=True)
    changes = models.JSONField()
    published_at = models.DateTimeField(db_default=Now())
    actor = models.TextField()
    reason = models.TextField()
    # The version that this one brought back.
    restores = models.BigIntegerField(null=True)
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty

    class Meta:
        db_table = "gateway_table_version"
        verbose_name = "version of the route table"
        verbose_name_plural = "versions of the route table"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(version__gte=1), name="gateway_versions_begin_at_one"
            ),
            models.CheckConstraint(
                condition=~models.Q(actor="") & ~models.Q(reason=""),
                name="gateway_version_has_an_actor_and_a_reason",
            ),
        )
        triggers = append_only(
            "versions of the route table",
            constraint="gateway_versions_are_append_only",
        )

    def __str__(self) -> str:
        return f"version {self.version}"
