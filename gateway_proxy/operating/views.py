"""What each endpoint reads, asks and answers."""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_proxy.board import Board, BoardUnreachable
from gateway_proxy.models import PlanAssignment, TableVersion
from gateway_proxy.operating.serializers import (
    AssignmentAnswer,
    AssignmentPage,
    AssignmentsQuery,
    ChangeBody,
    ChangeOrPublish,
    ChangePlan,
    LiveList,
    PageQuery,
    PlanList,
    PublishBody,
    RestoreBody,
    RouteList,
    TableAnswer,
    VersionAnswer,
    VersionPage,
)
from gateway_proxy.plantokens import LIVES_FOR, Wish, seal, unseal
from gateway_proxy.selectors import (
    assignments,
    get_version,
    latest_published,
    plans_of,
    routes_of,
    versions,
)
from gateway_proxy.services import (
    Preview,
    preview_change,
    preview_restore,
    preview_wish,
    publish_table,
    table_document,
)
from opencore.authentication import principal_of
from opencore.idempotency import key_parameter, once, refuse_bad_key
from opencore.permissions import IsOperator
from opencore.rest import page, read_body, read_query

IDEMPOTENCY_KEY = key_parameter(
    "Required with a plan_token; the same for each attempt to publish it."
)


class OperatorView(APIView):
    """An endpoint for operators."""

    permission_classes = (IsOperator,)


class TableView(OperatorView):
    """The route table."""

    @extend_schema(operation_id="read_gateway_table", responses=TableAnswer)
    def get(self, request: Request) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """Show the latest version: what it changes, and the table that comes of it."""
        latest = latest_published()
        return Response(
            {
                "version": latest.version,
                "changes": latest.changes,
                "table": table_document(published=latest),
            }
        )


class RoutesView(OperatorView):
    """The routes."""

    @extend_schema(operation_id="list_gateway_routes", responses=RouteList)
    def get(self, request: Request) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """List the routes, and whether each is as the settings say."""
        latest = latest_published()
        document = table_document(published=latest)
        return Response({"data": routes_of(document, changes=latest.changes)})


class PlansView(OperatorView):
    """The plans."""

    @extend_schema(operation_id="list_gateway_plans", responses=PlanList)
    def get(self, request: Request) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """List the plans with their limits, and how many have each."""
        document = table_document(published=latest_published())
        return Response({"data": plans_of(document)})


class AssignmentsView(OperatorView):
    """Who has which plan."""

    @extend_schema(
        operation_id="list_gateway_assignments",
        parameters=[AssignmentsQuery],
        responses=AssignmentPage,
    )
    def get(self, request: Request) -> Response:
        """List the users and organizations that have a plan."""
        query = read_query(AssignmentsQuery, request)
        rows = assignments(subject_id=query.get("subject_id"))
        return page(rows, request, key=("subject_id",)).answer(_show_assignment)


class VersionsView(OperatorView):
    """All that was ever published."""

    @extend_schema(
        operation_id="list_gateway_versions",
        parameters=[PageQuery],
        responses=VersionPage,
    )
    def get(self, request: Request) -> Response:
        """List the published versions, the latest first."""
        read_query(PageQuery, request)
        return page(versions(), request, key=("version",)).answer(_show_version)


class VersionView(OperatorView):
    """One published version."""

    @extend_schema(operation_id="read_gateway_version", responses=VersionAnswer)
    def get(self, request: Request, version: int) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """Show a version: what it changes, who published it, and why."""
        return Response(_show_version(get_version(version=version)))


class ChangesView(OperatorView):
    """Changes of the route table."""

    @extend_schema(
        operation_id="plan_or_publish_gateway_change",
        parameters=[IDEMPOTENCY_KEY],
        request=ChangeOrPublish,
        responses={HTTPStatus.OK: ChangePlan, HTTPStatus.CREATED: VersionAnswer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Say what a change would do; with a plan_token, publish exactly that."""
        refuse_bad_key(request)
        named = request.data if isinstance(request.data, dict) else {}
        if "plan_token" in named:
            return once(request, partial(self._publish, request))
        if "restores" in named:
            body = read_body(RestoreBody, request)
            restores = body["restores"]
            return self._plan(request, preview_restore(version=restores), None)
        change = read_body(ChangeBody, request)["change"]
        return self._plan(request, preview_change(change=change), change)

    def _plan(
        self, request: Request, preview: Preview, change: dict[str, Any] | None
    ) -> Response:
        wish = Wish(preview.based_on, change, preview.restores)
        return Response(
            {
                "plan_token": seal(wish, actor=_actor(request)),
                "expires_at": timezone.now() + LIVES_FOR,
                "based_on": preview.based_on,
                "differences": [asdict(each) for each in preview.differences],
            }
        )

    def _publish(self, request: Request) -> Response:
        body, actor = read_body(PublishBody, request), _actor(request)
        wish = unseal(body["plan_token"], actor=actor)
        version = publish_table(
            preview=preview_wish(wish=wish), actor=actor, reason=body["reason"]
        )
        version.refresh_from_db()
        location = reverse("ops-gateway-version", args=(version.version,))
        return Response(
            _show_version(version),
            HTTPStatus.CREATED,
            headers={"Location": location},
        )


class LiveView(OperatorView):
    """What the processes run."""

    @extend_schema(operation_id="list_gateway_processes", responses=LiveList)
    def get(self, request: Request) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """List which version each process runs, as it said within ten seconds."""
        latest = latest_published().version
        with Board.of_settings() as board:
            try:
                seen = [asdict(each) for each in board.seen()]
            except BoardUnreachable:
                return Response({"data": [], "version": latest, "reachable": False})
        return Response({"data": seen, "version": latest, "reachable": True})


def _actor(request: Request) -> str:
    return str(principal_of(request).user_id)


def _show_version(version: TableVersion) -> dict[str, Any]:
    return dict(VersionAnswer(version).data)


def _show_assignment(assignment: PlanAssignment) -> dict[str, Any]:
    return dict(AssignmentAnswer(assignment).data)
