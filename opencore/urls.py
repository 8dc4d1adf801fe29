"""Where each part of OpenCore is mounted."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from opencore import health, views
from opencore.metrics.exposing import show_metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("startupz", health.startupz),
    path(".well-known/jwks.json", views.show_keys),
    path("metrics", show_metrics),
    path("problems/<slug:code>", views.show_problem),
    path("openapi.json", views.Schema.as_view(), name="openapi"),
    path("docs", views.Docs.as_view()),
    path("docs/start.js", views.show_docs_script),
    path("admin/", admin.site.urls),
    path("v1/", include("accounts.urls")),
    path("v1/", include("billing.urls")),
    path("v1/", include("notifications.urls")),
    path("v1/ops/eventing/", include("outbox.urls")),
    path("v1/ops/gateway/", include("gateway_proxy.operating.urls")),
    # Last: what the gateway does not know, nobody does.
    path("", include("gateway_proxy.urls")),
]

handler400 = "opencore.views.answer_bad_request"
handler403 = "opencore.views.answer_forbidden"
handler404 = "opencore.views.answer_not_found"
handler500 = "opencore.views.answer_internal_error"
