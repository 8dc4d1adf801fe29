"""Where accounts' endpoints are."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
