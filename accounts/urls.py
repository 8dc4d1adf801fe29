"""Where accounts' endpoints are."""

from django.urls import URLPattern, path

from accounts import views

ORGANIZATION = "orgs/<uuid:organization_id>"

urlpatterns: list[URLPattern] = [
    path("auth/otp", views.CodeRequestsView.as_view()),
    path("auth/otp/verify", views.CodeVerificationsView.as_view()),
    path("auth/refresh", views.RefreshView.as_view()),
    path("auth/logout", views.LogoutView.as_view()),
    path("users/me", views.MeView.as_view()),
    path("orgs", views.OrganizationsView.as_view()),
    path(ORGANIZATION, views.OrganizationView.as_view()),
    path(f"{ORGANIZATION}/members", views.MembersView.as_view()),
    path(f"{ORGANIZATION}/members/<uuid:user_id>", views.MemberView.as_view()),
    path(f"{ORGANIZATION}/audit-events", views.AuditEntriesView.as_view()),
]
