"""The person who asks."""

from functools import partial

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import User
from accounts.serializers.people import Profile, UserAnswer
from opencore.authentication import principal_of
from opencore.rest import (
    answer_version,
    changes_version,
    check_if_match,
    etag_of,
    read_body,
    shows_version,
)


class MeView(APIView):
    """The person who asks."""

    @extend_schema(operation_id="read_me", responses=UserAnswer)
    @shows_version
    def get(self, request: Request) -> Response:
        """Show who the access token belongs to."""
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        return answer_version(request, UserAnswer(user).data, etag=etag_of_user(user))

    @extend_schema(operation_id="update_me", request=Profile, responses=UserAnswer)
    @changes_version
    def patch(self, request: Request) -> Response:
        """Change one's name, locale or time zone, of the version that If-Match names."""
        body, caller = read_body(Profile, request), principal_of(request)
        user = services.update_profile(
            user_id=caller.user_id,
            changes=body,
            actor_id=caller.user_id,
            check=partial(_check_version, request),
        )
        return Response(UserAnswer(user).data, headers={"ETag": etag_of_user(user)})


def _check_version(request: Request, user: User) -> None:
    check_if_match(request, etag=etag_of_user(user))


def etag_of_user(user: User) -> str:
    """Return the ETag of what a person is shown of themselves."""
    return etag_of(user.id, user.version)
