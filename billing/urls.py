"""Where billing is mounted, below /v1/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
