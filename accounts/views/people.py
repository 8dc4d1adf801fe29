"""The person who asks."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors
from accounts.serializers.people import UserAnswer
from opencore.authentication import principal_of


class MeView(APIView):
    """The person who asks."""

    @extend_schema(operation_id="read_me", responses=UserAnswer)
    def get(self, request: Request) -> Response:
        """Show who the access token belongs to."""
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        return Response(UserAnswer(user).data)
