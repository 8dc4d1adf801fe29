"""Where operators reach the outbox, below /v1/ops/eventing/."""

from django.urls import path

from outbox import views

urlpatterns = [
    path("status", views.StatusView.as_view()),
    path("dead-letters", views.LettersView.as_view()),
    path("dead-letters/groups", views.GroupsView.as_view()),
    path("dead-letters/<uuid:letter_id>", views.LetterView.as_view()),
    path("replays", views.ReplaysView.as_view()),
    path("replays/<uuid:operation_id>", views.ReplayView.as_view(), name="ops-replay"),
    path("replays/<uuid:operation_id>/items", views.ReplayItemsView.as_view()),
    path("replays/<uuid:operation_id>/cancel", views.CancelView.as_view()),
    path("keys/hold", views.HoldKeyView.as_view()),
    path("keys/release", views.ReleaseKeyView.as_view()),
    path("keys/skip", views.SkipKeyView.as_view()),
    path("topics/<str:topic>/pause", views.PauseTopicView.as_view()),
    path("topics/<str:topic>/resume", views.ResumeTopicView.as_view()),
]
