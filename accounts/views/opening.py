"""What endpoints ask of who comes in: nothing, or that it is the person in person."""

from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from opencore.authentication import Principal, principal_of
from opencore.brakes import hold_back
from opencore.errors import Forbidden
from opencore.middleware import address_or_none, user_agent_of

NOT_TO_BE_KEPT = {"Cache-Control": "no-store"}


class OpenView(APIView):
    """Lets everybody in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def in_person(request: Request) -> Principal:
    """Return the person who asks; raises Forbidden to staff who act as them."""
    caller = principal_of(request)
    if caller.impersonator_id is not None:
        raise Forbidden
    return caller


def device_of(request: Request) -> dict[str, Any]:
    """Return what is kept of where a request came from."""
    plain = request._request
    return {"ip": address_or_none(plain), "user_agent": user_agent_of(plain)}


def hold_back_person(
    request: Request, caller: Principal, *, group: str, rate: str
) -> None:
    """Count one request of a person, wherever they are; raises RateLimited."""
    hold_back(request, group=group, rate=rate, key=lambda _: str(caller.user_id))
