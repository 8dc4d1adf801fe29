"""In which form an answer is given."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class QuickNegotiation(DefaultContentNegotiation):
    """Answers as the framework does, but at once where there is nothing to choose."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Return the only renderer to who takes anything, or just that."""
        only, *others = renderers
        asked = request._request.META
        if (
            not others
            and not format_suffix
            and asked.get("HTTP_ACCEPT", "*/*") in {"*/*", only.media_type}
            and "format" not in asked.get("QUERY_STRING", "")
        ):
            return only, str(only.media_type)
        found: tuple[BaseRenderer, str] = super().select_renderer(
            request, [only, *others], format_suffix
        )
        return found
