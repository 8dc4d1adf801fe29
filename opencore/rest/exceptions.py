"""How the REST framework's views end in problems."""

from typing import Any

from django.http import HttpResponse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from opencore.problems import answer


def answer_exception(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Return the problem that an exception of a view is; nothing is raised further."""
    if isinstance(error, NotAuthenticated | AuthenticationFailed):
        # The framework says 403 where no authentication class names a challenge.
        error.auth_header = getattr(error, "auth_header", "Bearer")  # type: ignore[union-attr]  # -- the framework hangs it on, too
    return answer(error, context["request"]._request)
