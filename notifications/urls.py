"""Where notifications are mounted, below /v1/."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("notifications", views.FeedView.as_view()),
    path("notifications/unread-count", views.UnreadCountView.as_view()),
    path("notifications/<uuid:notification_id>/read", views.ReadView.as_view()),
]
