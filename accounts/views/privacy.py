"""What people ask for about themselves: a copy of their data, or its erasure."""

import base64
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import DataRequest, File
from accounts.serializers.fields import ListQuery
from accounts.serializers.privacy import (
    DataRequestAnswer,
    DataRequestPage,
    NewDataRequest,
)
from accounts.views.opening import NOT_TO_BE_KEPT, in_person
from opencore.authentication import principal_of, require_step_up
from opencore.idempotency import repeatable
from opencore.rest import page, read_body, read_query

PLACE = "/v1/users/me/data-requests"


class DataRequestsView(APIView):
    """A person's requests for their data or its erasure."""

    @extend_schema(
        operation_id="list_data_requests",
        parameters=[ListQuery],
        responses=DataRequestPage,
    )
    def get(self, request: Request) -> Response:
        """List what the caller asked for, newest first."""
        read_query(ListQuery, request)
        requests = selectors.data_requests_of(user_id=principal_of(request).user_id)
        return page(requests, request).answer(_show)

    @extend_schema(
        operation_id="create_data_request",
        request=NewDataRequest,
        responses={HTTPStatus.ACCEPTED: DataRequestAnswer},
    )
    @repeatable
    def post(self, request: Request) -> Response:
        """Ask for a copy of one's data, or, after a fresh proof, for its erasure."""
        kind = DataRequest.Kind(read_body(NewDataRequest, request)["kind"])
        caller, now = in_person(request), timezone.now()
        if kind == DataRequest.Kind.ERASURE:
            require_step_up(request, now=now)
        user = selectors.get_active_user(user_id=caller.user_id)
        made = services.request_data(
            user_id=user.id, kind=kind, actor_id=user.id, now=now
        )
        return Response(
            _show(made),
            HTTPStatus.ACCEPTED,
            headers={"Location": f"{PLACE}/{made.id}"},
        )


class DataRequestView(APIView):
    """One request."""

    @extend_schema(operation_id="read_data_request", responses=DataRequestAnswer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Show how far a request is."""
        found = selectors.get_data_request(
            request_id=request_id, user_id=principal_of(request).user_id
        )
        return Response(_show(found))

    @extend_schema(
        operation_id="cancel_data_request", responses={HTTPStatus.NO_CONTENT: None}
    )
    def delete(self, request: Request, request_id: UUID) -> Response:
        """Take a request back before it begins; later: 409 `data_request_closed`."""
        caller = in_person(request)
        services.cancel_request(
            request_id=request_id,
            user_id=caller.user_id,
            actor_id=caller.user_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class DataRequestContentView(APIView):
    """The copy of a person's data."""

    @extend_schema(
        operation_id="read_data_request_content",
        responses={(HTTPStatus.OK, "application/zip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, request_id: UUID) -> StreamingHttpResponse:
        """Return a ZIP of JSON lines, one file per table; it is kept for a week."""
        file = selectors.get_exported_file(
            request_id=request_id,
            user_id=in_person(request).user_id,
            now=timezone.now(),
        )
        return StreamingHttpResponse(services.parts_of(file), headers=_headers_of(file))


def _headers_of(file: File) -> dict[str, str]:
    digest = base64.b64encode(bytes(file.sha256)).decode()
    return {
        **NOT_TO_BE_KEPT,
        "Content-Type": file.media_type,
        "Content-Length": str(file.size),
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",
    }


def _show(request: DataRequest) -> Any:  # noqa: ANN401 -- JSON is any value
    return DataRequestAnswer(request).data
