"""The page that Prometheus reads, for who has its token."""

from collections.abc import Callable
from secrets import compare_digest

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from opencore.problems import problem_response
from opencore.problems.answering import named

Source = Callable[[], Collector]

_sources: dict[str, Source] = {}


def show_on_page(part: str, source: Source) -> None:
    """Let a part of the system speak on the page; it is asked anew for each reader."""
    _sources[part] = source


@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Show all metrics in Prometheus's text format.

    Without a token in the settings there is no such page, but in the local profile.
    """
    if not settings.METRICS_TOKEN and settings.PROFILE != "local":
        raise Http404
    if not _may_read(request):
        challenge = {"WWW-Authenticate": "Bearer"}
        return problem_response(named("token_invalid", headers=challenge), request)
    registry = CollectorRegistry()
    for source in _sources.values():
        registry.register(source())
    return HttpResponse(
        generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4
    )


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not settings.METRICS_TOKEN:
        return True
    return scheme.lower() == "bearer" and compare_digest(
        token.strip().encode(), settings.METRICS_TOKEN.encode()
    )
