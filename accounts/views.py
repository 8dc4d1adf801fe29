"""Accounts' endpoints."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import AuditEntry, Membership
from accounts.serializers import (
    AuditEntryAnswer,
    AuditEntryPage,
    CodeRequest,
    CodeRequested,
    CodeVerification,
    ListQuery,
    MemberAnswer,
    MemberPage,
    NewMember,
    NewOrganization,
    OrganizationAnswer,
    OrganizationPage,
    RefreshBody,
    SignedInAnswer,
    TokensAnswer,
    UserAnswer,
)
from opencore.authentication import principal_of
from opencore.brakes import hold_back, sender_address
from opencore.rest import page, read_body, read_query

LONGEST_USER_AGENT = 256
NOT_TO_BE_KEPT = {"Cache-Control": "no-store"}


class _OpenView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class CodeRequestsView(_OpenView):
    """Sign-in codes."""

    @extend_schema(
        operation_id="request_code",
        request=CodeRequest,
        responses={HTTPStatus.ACCEPTED: CodeRequested},
    )
    def post(self, request: Request) -> Response:
        """Send a sign-in code to an address, known or not; the answer never differs."""
        hold_back(request, group="auth.otp", rate=settings.CODE_REQUEST_RATE)
        body = read_body(CodeRequest, request)
        asked = services.request_code(
            email=body["email"], now=timezone.now(), **_device(request)
        )
        answer = {
            "challenge_id": asked.challenge_id,
            "expires_in": int(asked.expires_in.total_seconds()),
            "resend_after": int(asked.resend_after.total_seconds()),
        }
        return Response(answer, HTTPStatus.ACCEPTED, headers=NOT_TO_BE_KEPT)


class CodeVerificationsView(_OpenView):
    """Answers to challenges."""

    @extend_schema(
        operation_id="verify_code",
        request=CodeVerification,
        responses=SignedInAnswer,
    )
    def post(self, request: Request) -> Response:
        """Sign in by telling the code; a first sign-in makes the address a user."""
        hold_back(request, group="auth.verify", rate=settings.CODE_VERIFY_RATE)
        body = read_body(CodeVerification, request)
        signed_in = services.verify_code(
            challenge_id=body["challenge_id"],
            code=body["code"],
            now=timezone.now(),
            **_device(request),
        )
        answer = {
            **_show_tokens(signed_in.tokens),
            "user": UserAnswer(signed_in.user).data,
        }
        return Response(answer, headers=NOT_TO_BE_KEPT)


class RefreshView(_OpenView):
    """Renewed tokens."""

    @extend_schema(
        operation_id="refresh_session", request=RefreshBody, responses=TokensAnswer
    )
    def post(self, request: Request) -> Response:
        """Exchange the newest refresh token for new tokens; each is good for one use.

        Using one again ends the session: 401 `refresh_reused`. Only within two seconds
        of the first use it is refused alone: 409 `refresh_raced`.
        """
        body = read_body(RefreshBody, request)
        tokens = services.refresh_session(
            refresh_token=body["refresh_token"], now=timezone.now()
        )
        return Response(_show_tokens(tokens), headers=NOT_TO_BE_KEPT)


class LogoutView(_OpenView):
    """Ended sessions."""

    @extend_schema(
        operation_id="log_out",
        request=RefreshBody,
        responses={HTTPStatus.NO_CONTENT: None},
    )
    def post(self, request: Request) -> Response:
        """End the session of a refresh token; doing it twice is no error."""
        body = read_body(RefreshBody, request)
        services.log_out(refresh_token=body["refresh_token"], now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT, headers=NOT_TO_BE_KEPT)


class MeView(APIView):
    """The person who asks."""

    @extend_schema(operation_id="read_me", responses=UserAnswer)
    def get(self, request: Request) -> Response:
        """Show who the access token belongs to."""
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        return Response(UserAnswer(user).data)


class OrganizationsView(APIView):
    """The organizations of the person who asks."""

    @extend_schema(
        operation_id="list_organizations",
        parameters=[ListQuery],
        responses=OrganizationPage,
    )
    def get(self, request: Request) -> Response:
        """List the organizations that the caller belongs to."""
        read_query(ListQuery, request)
        memberships = selectors.memberships_of_user(
            user_id=principal_of(request).user_id
        )
        return page(memberships, request).answer(_show_organization)

    @extend_schema(
        operation_id="create_organization",
        request=NewOrganization,
        responses={HTTPStatus.CREATED: OrganizationAnswer},
    )
    def post(self, request: Request) -> Response:
        """Open an organization; the caller becomes its owner."""
        body = read_body(NewOrganization, request)
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        organization = services.create_organization(name=body["name"], actor_id=user.id)
        membership = selectors.membership_in(
            organization_id=organization.id, user_id=user.id
        )
        return Response(_show_organization(membership), HTTPStatus.CREATED)


class OrganizationView(APIView):
    """One organization."""

    @extend_schema(operation_id="read_organization", responses=OrganizationAnswer)
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show an organization to its members."""
        membership = selectors.membership_in(
            organization_id=organization_id, user_id=principal_of(request).user_id
        )
        return Response(_show_organization(membership))


class MembersView(APIView):
    """Who belongs to an organization."""

    @extend_schema(
        operation_id="list_members", parameters=[ListQuery], responses=MemberPage
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List the members to each other."""
        read_query(ListQuery, request)
        organization = selectors.organization_for_member(
            organization_id=organization_id, user_id=principal_of(request).user_id
        )
        members = selectors.members_of(organization=organization)
        return page(members, request).answer(_show_member)

    @extend_schema(
        operation_id="add_member",
        request=NewMember,
        responses={HTTPStatus.CREATED: MemberAnswer},
    )
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Make a user a member; owners add anybody, admins all but owners."""
        body = read_body(NewMember, request)
        user_id, role = principal_of(request).user_id, Membership.Role(body["role"])
        organization = selectors.organization_for_granting(
            organization_id=organization_id, user_id=user_id, role=role
        )
        user = selectors.get_user_to_add(
            user_id=body.get("user_id"), email=body.get("email")
        )
        services.add_member(
            organization_id=organization.id,
            user_id=user.id,
            role=role,
            actor_id=user_id,
        )
        membership = selectors.members_of(organization=organization).get(user=user)
        return Response(_show_member(membership), HTTPStatus.CREATED)


class MemberView(APIView):
    """One member of an organization."""

    @extend_schema(
        operation_id="remove_member", responses={HTTPStatus.NO_CONTENT: None}
    )
    def delete(
        self, request: Request, organization_id: UUID, user_id: UUID
    ) -> Response:
        """Leave, or remove somebody; the last owner stays: 409 `last_owner`."""
        actor_id = principal_of(request).user_id
        organization = selectors.organization_for_removing(
            organization_id=organization_id, member_id=user_id, user_id=actor_id
        )
        services.remove_member(
            organization_id=organization.id, user_id=user_id, actor_id=actor_id
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class AuditEntriesView(APIView):
    """What was done in an organization."""

    @extend_schema(
        operation_id="list_audit_events",
        parameters=[ListQuery],
        responses=AuditEntryPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List who did what to owners and admins, newest first."""
        read_query(ListQuery, request)
        organization = selectors.organization_for_admin(
            organization_id=organization_id, user_id=principal_of(request).user_id
        )
        entries = selectors.audit_entries_of(organization=organization)
        return page(entries, request, key=("seq",)).answer(_show_entry)


def _device(request: Request) -> dict[str, Any]:
    ip = sender_address(request)
    user_agent = request.headers.get("User-Agent", "").replace("\x00", "")
    return {
        "ip": None if ip == "unknown" else ip,
        "user_agent": user_agent[:LONGEST_USER_AGENT],
    }


def _show_tokens(tokens: services.Tokens) -> dict[str, object]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": int(tokens.expires_in.total_seconds()),
    }


def _show_organization(membership: Membership) -> Any:  # noqa: ANN401 -- JSON is any value
    return OrganizationAnswer(membership).data


def _show_member(membership: Membership) -> Any:  # noqa: ANN401 -- JSON is any value
    return MemberAnswer(membership).data


def _show_entry(entry: AuditEntry) -> Any:  # noqa: ANN401 -- JSON is any value
    return AuditEntryAnswer(entry).data
