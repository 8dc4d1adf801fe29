"""The project's URLs and one view more, which does whatever a test gives it to do."""

from collections.abc import Callable
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from opencore import urls
from opencore.idempotency import once
from opencore.rest import StrictSerializer, read_body


class Deed(APIView):
    """Runs the deed that a test put here."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    deed: ClassVar[Callable[[Request], object]]

    def get(self, request: Request) -> Response:
        return Response({"done": str(type(self).deed(request))})

    def post(self, request: Request) -> Response:
        return Response({"done": str(type(self).deed(request))})


class Note(StrictSerializer):
    text = serializers.CharField()


class Notes(APIView):
    """Takes a note, strictly."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        return Response(read_body(Note, request))


class Once(APIView):
    """Runs the operation that a test put here, once for each key."""

    operation: ClassVar[Callable[[Request], Response]]

    def post(self, request: Request, number: int = 0) -> HttpResponseBase:
        return once(request, lambda: type(self).operation(request))


def plain_deed(request: HttpRequest) -> HttpResponse:
    """Fail in a view that is Django's and not the framework's."""
    raise RuntimeError("hunter2 is the password")


urlpatterns = [
    path("v1/deed", Deed.as_view()),
    path("v1/once", Once.as_view()),
    path("v1/once/<int:number>", Once.as_view()),
    path("v1/notes", Notes.as_view()),
    path("plain", plain_deed),
    *urls.urlpatterns,
]
handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
