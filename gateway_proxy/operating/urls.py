"""Where each endpoint is."""

from django.urls import path

from gateway_proxy.operating import views

urlpatterns = [
    path("table", views.TableView.as_view()),
    path("routes", views.RoutesView.as_view()),
    path("plans", views.PlansView.as_view()),
    path("assignments", views.AssignmentsView.as_view()),
    path("versions", views.VersionsView.as_view()),
    path(
        "versions/<int:version>",
        views.VersionView.as_view(),
        name="ops-gateway-version",
    ),
    path("changes", views.ChangesView.as_view()),
    path("live", views.LiveView.as_view()),
]
