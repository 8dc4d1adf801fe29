"""Who may see what runs a deployment, and decide about it."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from opencore.authentication import principal_of

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsStaff(BasePermission):
    """Lets operators and support through; their token says that they are."""

    def has_permission(self, request: "Request", view: "APIView") -> bool:  # noqa: ARG002 -- the signature is the framework's
        """Tell whether this person works for the deployment."""
        return bool(request.user) and principal_of(request).is_staff


class IsOperator(BasePermission):
    """Lets operators through; their token says that they are."""

    def has_permission(self, request: "Request", view: "APIView") -> bool:  # noqa: ARG002 -- the signature is the framework's
        """Tell whether this person runs the deployment."""
        return bool(request.user) and principal_of(request).is_operator
